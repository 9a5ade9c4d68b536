# make test   everything that must hold before a change lands (28 minutes on 2 cores, once tools and packages are there)
# make unit   the packages' own tests only
# make bench  the figures of docs/benchmarks.md, beside this machine's limits; make sites is a part of it
# make homes  the same for three homes on one machine
# make sites  web sites beside nginx, and deployments
# make soak   almost five hours of what `make test` does in minutes; its parts are
#             soak-simulations, soak-fuzz (FUZZ=10m for more), soak-e2e, soak-bench and soak-grown
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

BIN := $(CURDIR)/.cache/bin
RHIZOME := $(BIN)/rhizome
MODULES := . bench e2e

# The tests reach nothing but this machine: no proxy, no foreign certificate, no
# configuration of the person who runs them. (A set AWS_CA_BUNDLE also breaks Go clients.)
unexport AWS_CA_BUNDLE AWS_PROFILE AWS_REGION AWS_DEFAULT_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
export PATH := $(BIN):/usr/bin:$(PATH)
export RHIZOME_BIN := $(RHIZOME)
export RHIZOME_LATER := $(BIN)/rhizome-later

.PHONY: build later test setup fmt vet lint unit plain race e2e bench figures expiring homes sites peers foreign
.PHONY: soak soak-simulations soak-fuzz soak-e2e soak-bench soak-grown

build:
	CGO_ENABLED=0 go build -trimpath -o $(RHIZOME) ./cmd/rhizome

# The release after this one, as far as a test can know it: its records have a field more.
later:
	CGO_ENABLED=0 go build -trimpath -tags later -o $(RHIZOME_LATER) ./cmd/rhizome

test: setup fmt vet lint plain race e2e

setup:
	tools/setup

fmt:
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "run gofmt on:"; echo "$$unformatted"; exit 1; fi

vet:
	for m in $(MODULES); do (cd $$m && go vet ./...); done

lint:
	go test -count=1 ./lint
	for m in $(MODULES); do (cd $$m && staticcheck ./...); done

# Seeds of the fuzz targets, simulation and exhaustive exploration run here too. The longest
# come first, so that the others run beside them.
unit:
	go test -parallel 4 -timeout 15m ./simtest ./node ./...
	cd bench && go test ./...

# What the race detector leaves out, for it takes ten times as long: histories of whole homes
# (what they run is raced beside the code), half of the tests that start whole nodes, and what
# runs one goroutine at a time: the schedules of the commit protocol, rebuilds from every state,
# what is saved of a damaged log, the rules of the house. Of random histories it plays a fifth.
NODES := ThreeHomesBecomeTwo|AThirdHomeTakesOver|ALostNodeIsReplaced|ReplicasChangeLive|BytesThatOnlyLostNodesKnewOfStay|GoingOnWithoutAMajority|WhereAnObjectLies|ARemovedNodeStaysOut|ToldThoughKilled|AMachineWithManyAddresses
UNRACED := ^Test(Protocol|Search|Broken|Scripts|Found|Simulation|Explore|EveryRule|SimulatedHistories|FlawsAreCaught|Damage$$|Salvage$$|RebuildKeepsVersions$$|PieceSizes$$|($(NODES))$$)

# All packages of which the detector leaves something out, without it.
plain:
	go test -parallel 4 -timeout 15m ./simtest ./cluster/... ./disk/... ./model/object ./node/repair ./gateway/s3
	go test -parallel 4 -timeout 15m -run '^Test($(NODES))$$' ./node
	cd bench && go test ./...

race:
	CGO_ENABLED=1 go test -race -parallel 4 -timeout 30m -skip '$(UNRACED)' $$(go list ./node ./... | grep -v /lint)

# The lab and the foreign suite wait more than they work, so the others run beside them, one
# after another. More tests than cores at once, because many wait.
e2e: build later
	cd e2e; failed=0; go test -count=1 -timeout 30m ./suite & suite=$$!; \
	go test -count=1 -p 2 -parallel 4 -timeout 30m ./lab $$(go list ./... | grep -v -e /lab$$ -e /suite$$) || failed=1; \
	wait $$suite || failed=1; exit $$failed

bench: figures
	$(MAKE) expiring
	$(MAKE) sites

# All but expiring and sites.
figures: build
	mkdir -p .cache/bench
	cd bench && go run ./cmd/rhizome-bench -program $(RHIZOME) -json $(CURDIR)/.cache/bench/result.json $(BENCH)
	go test ./gateway/s3/policy -run xxx -bench 'Decide|Worst'

# One home beside three on this machine, what copying costs, and what homes take.
homes: build
	mkdir -p .cache/bench
	cd bench && go run ./cmd/rhizome-bench -program $(RHIZOME) -homes 3 -copied 400 -objects 100000 -json $(CURDIR)/.cache/bench/homes.json $(BENCH)

# Requests while lifecycle rules have objects go, and how fast these go.
expiring: build
	mkdir -p .cache/bench
	cd bench && go run ./cmd/rhizome-bench -program $(RHIZOME) -expiring 100000 -json $(CURDIR)/.cache/bench/expiring.json

# Web sites beside nginx, and deployments.
sites: build
	tools/setup peers
	cd bench && go run ./cmd/sites-bench -program $(RHIZOME) -nginx $(BIN)/nginx $(SITES)

# The same with versitygw in the same run, as a peer.
peers:
	tools/setup peers
	$(MAKE) bench BENCH="-peer $(BIN)/versitygw"

# The client tests against a foreign store, which shows what is the tests' fault.
foreign: setup
	tools/setup peers
	cd e2e && RHIZOME_FOREIGN=$(BIN)/versitygw go test -count=1 -timeout 30m ./clients

# The parts can be run one by one. On 2 cores: 45, 130, 30, 10 and 70 minutes.
soak: soak-simulations soak-fuzz soak-e2e soak-bench soak-grown

# What plays and explores more, and crashes on disks that forget.
soak-simulations: setup
	RHIZOME_SOAK=1 go test -timeout 2h -count=1 ./cluster/... ./disk/extentstore ./model/object ./simtest ./gateway/s3

# The time for each target.
FUZZ ?= 2m
soak-fuzz: setup
	tools/fuzz $(FUZZ)

soak-e2e: setup build later
	cd e2e && RHIZOME_SOAK=1 go test -count=1 -p 1 -timeout 2h -run '^Test(Killed|KilledNodeIsLinearizable|Faults|OneHomeMayVanish)$$' ./harm ./lab

soak-bench: setup
	$(MAKE) figures BENCH="-keys 1000000"

# A bucket with ten million objects, beside one with a hundred thousand: 15 GB of disk.
# With BENCH_KEEP=DIR the stores stay there, filled as far as they are, for the next time.
soak-grown: build
	$(MAKE) figures BENCH="-grown 10000000 $(if $(BENCH_KEEP),-keep $(BENCH_KEEP))"
