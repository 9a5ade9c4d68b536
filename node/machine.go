package node

// What the row store may take of the machine. A large store is found by its cache of
// indexes and by files that stay open; a small machine has room for neither.
const (
	cacheOfMemory   = 16        // one part in so many of the memory
	maxCacheBytes   = 128 << 20 // that is enough for some ten million objects
	rowsOfFiles     = 4         // one part in so many of the files that may be open
	minRowFiles     = 100
	maxRowFiles     = 8000
	unknownMemory   = 1 << 30
	unknownMaxFiles = 2000
)

// maxCache is how large the row store's cache may grow on a machine with so much memory,
// both in bytes.
func maxCache(memory uint64) int64 { return int64(min(memory/cacheOfMemory, maxCacheBytes)) }

// rowFiles is how many files the row store may keep open where a process may have limit.
func rowFiles(limit uint64) int {
	return int(min(max(limit/rowsOfFiles, minRowFiles), maxRowFiles))
}
