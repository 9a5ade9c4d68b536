package register

import "hash/fnv"

// Shard spreads rows that must be listed together over several partition keys: it
// returns the shard of sort among n (1 to 256), by 32-bit FNV-1a. The result is
// stored in partition keys and never changes for the same arguments.
func Shard(sort string, n int) byte {
	h := fnv.New32a()
	_, _ = h.Write([]byte(sort))
	return byte(h.Sum32() % uint32(n))
}

// Shards returns the partition keys prefix+0 … prefix+(n-1) that Shard chooses among.
func Shards(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = prefix + string([]byte{byte(i)})
	}
	return out
}
