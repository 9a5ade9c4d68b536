package register

import (
	"context"
	"sync"

	"rhizome/disk/kv"
)

// weights keeps the sums of Count and Bytes per (table, partition key). On disk each
// is a counter to which every batch adds its part; in memory it is read once and
// then kept up to date, because reading a counter adds up what was not yet compacted.
type weights struct {
	mu sync.Mutex
	m  map[partID]*weight
}

// weight is one partition key's. Nothing here is held over an fsync.
type weight struct {
	id           partID
	mu           sync.Mutex
	cond         sync.Cond
	users        int // guarded by weights.mu
	underway     int // batches that change it
	reading      bool
	known        bool
	count, bytes int64
}

// maxWeights bounds the sums kept in memory.
const maxWeights = 4096

func (ws *weights) enter(id partID) *weight {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w := ws.m[id]
	if w == nil {
		if ws.m == nil {
			ws.m = make(map[partID]*weight)
		}
		if len(ws.m) >= maxWeights {
			ws.purge()
		}
		w = &weight{id: id}
		w.cond.L = &w.mu
		ws.m[id] = w
	}
	w.users++
	return w
}

func (ws *weights) purge() {
	for id, w := range ws.m {
		if w.users == 0 {
			delete(ws.m, id)
		}
	}
}

func (ws *weights) leave(w *weight, keep bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if w.users--; w.users == 0 && !keep {
		delete(ws.m, w.id)
	}
}

func weightKeys(id partID) (count, bytes []byte) {
	p := appendPart(nil, weightKey, id.table, id.part)
	return append(p[:len(p):len(p)], 0), append(p[:len(p):len(p)], 1)
}

// begin adds a change to the batch, which is then committed, and returns what end
// needs; nil if nothing changes.
func (ws *weights) begin(b *kv.Batch, row Row, count, bytes int64) *weight {
	if count == 0 && bytes == 0 {
		return nil
	}
	w := ws.enter(partID{row.Table, row.Part})
	kc, kb := weightKeys(w.id)
	if count != 0 {
		b.Add(kc, count)
	}
	if bytes != 0 {
		b.Add(kb, bytes)
	}
	w.mu.Lock()
	for w.reading {
		w.cond.Wait()
	}
	w.underway++
	w.mu.Unlock()
	return w
}

func (ws *weights) end(w *weight, count, bytes int64, err error) {
	if w == nil {
		return
	}
	w.mu.Lock()
	if w.underway--; w.underway == 0 {
		w.cond.Broadcast()
	}
	if err != nil {
		w.known = false
	}
	w.count, w.bytes = w.count+count, w.bytes+bytes
	known := w.known
	w.mu.Unlock()
	ws.leave(w, known)
}

// read returns the sums; what is under way may or may not be in them.
func (ws *weights) read(store *kv.Store, id partID) (count, bytes int64, err error) {
	w := ws.enter(id)
	w.mu.Lock()
	defer func() {
		count, bytes = w.count, w.bytes
		known := w.known
		w.mu.Unlock()
		ws.leave(w, known)
	}()
	for w.reading {
		w.cond.Wait()
	}
	if w.known {
		return
	}
	w.reading = true
	for w.underway > 0 {
		w.cond.Wait()
	}
	kc, kb := weightKeys(id)
	if w.count, err = store.Counter(kc); err == nil {
		w.bytes, err = store.Counter(kb)
	}
	w.known, w.reading = err == nil, false
	w.cond.Broadcast()
	return
}

// forget makes the next reading of the sums that match look at the disk. No batch of
// those is under way.
func (ws *weights) forget(match func(partID) bool) {
	ws.mu.Lock()
	var gone []*weight
	for id, w := range ws.m {
		if match(id) {
			w.users++
			gone = append(gone, w)
		}
	}
	ws.mu.Unlock()
	for _, w := range gone {
		w.mu.Lock()
		for w.reading {
			w.cond.Wait()
		}
		w.known = false
		w.mu.Unlock()
		ws.leave(w, false)
	}
}

// Weight is Peer's. Rows that are yet to be imported are fetched first.
func (r *Replica) Weight(ctx context.Context, term uint64, t Table, part string) (count, bytes int64, err error) {
	if err := r.admitPart(ctx, term, t, part); err != nil {
		return 0, 0, err
	}
	if count, bytes, err = r.weights.read(r.kv, partID{t, part}); err == nil {
		err = r.still(term, part)
	}
	return count, bytes, err
}
