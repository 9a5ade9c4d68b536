module rhizome/bench

go 1.26
