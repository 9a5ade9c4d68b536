package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rhizome/e2e/harness"
)

// etcd is one member, spoken to from its own home over its JSON gateway.
type etcd struct {
	host   *Host
	client *http.Client
	proc   *Process
	id     string
}

// startEtcd starts a member on each host and waits until all answer.
func startEtcd(t *testing.T, hosts []*Host) (members []*etcd) {
	t.Helper()
	var cluster []string
	for _, h := range hosts {
		cluster = append(cluster, fmt.Sprintf("%s=http://%s:2380", h.Name, h.IP))
	}
	for _, h := range hosts {
		m := &etcd{host: h, client: h.HTTPClient()}
		var err error
		m.proc, err = h.Start(h.Command("etcd", "--name", h.Name, "--data-dir", h.Dir()+"/etcd",
			"--initial-cluster", strings.Join(cluster, ","),
			"--initial-advertise-peer-urls", "http://"+h.IP+":2380", "--listen-peer-urls", "http://"+h.IP+":2380",
			"--advertise-client-urls", "http://"+h.IP+":2379", "--listen-client-urls", "http://"+h.IP+":2379"))
		must(t, err)
		members = append(members, m)
	}
	for _, m := range members {
		harness.Eventually(t, 30*time.Second, m.host.Name+" answers", func() bool {
			return m.put(t.Context(), "start", m.host.Name, 5*time.Second) == nil
		})
	}
	return members
}

// call sends a request to the member, from its own home.
func (m *etcd) call(ctx context.Context, limit time.Duration, method string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, "POST", "http://"+m.host.IP+":2379/v3/"+method, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := m.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		return fmt.Errorf("%s: %s", method, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

func (m *etcd) put(ctx context.Context, key, value string, limit time.Duration) error {
	return m.call(ctx, limit, "kv/put", map[string][]byte{"key": []byte(key), "value": []byte(value)}, &struct{}{})
}

// get is a linearizable read.
func (m *etcd) get(ctx context.Context, key string) (string, error) {
	var out struct{ Kvs []struct{ Value []byte } }
	err := m.call(ctx, 10*time.Second, "kv/range", map[string][]byte{"key": []byte(key)}, &out)
	if err != nil || len(out.Kvs) != 1 {
		return "", fmt.Errorf("%d values, %w", len(out.Kvs), err)
	}
	return string(out.Kvs[0].Value), nil
}

// leader returns the member that leads, and the others.
func leader(t *testing.T, members []*etcd) (first *etcd, others []*etcd) {
	t.Helper()
	for _, m := range members {
		var status struct {
			Leader string
			Header struct {
				ID string `json:"member_id"`
			}
		}
		must(t, m.call(t.Context(), 10*time.Second, "maintenance/status", struct{}{}, &status))
		m.id = status.Header.ID
		if m.id == status.Leader {
			first = m
		} else {
			others = append(others, m)
		}
	}
	if first == nil {
		t.Fatal("nobody leads")
	}
	return first, others
}

// TestEtcdAsPeer: what a leader costs between homes. The figures are printed; what is
// asserted is that every answer is right, before and after the leader's home is gone.
func TestEtcdAsPeer(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	l.SetAll(Path{Delay: 50 * time.Millisecond, Jitter: 10 * time.Millisecond})
	hosts := []*Host{l.Home("lyon"), l.Home("paris"), l.Home("lille")}
	members := startEtcd(t, hosts)
	first, others := leader(t, members)
	figures := &Figures{Title: "etcd, 3 homes, round trip 100 ± 20 ms, each client at its own home's member"}
	var clients sync.WaitGroup
	for _, m := range members {
		row := m.host.Name
		if m == first {
			row += " (leads)"
		}
		clients.Go(func() { m.measure(t, figures, row) })
	}
	clients.Wait()
	gap(t, l, first, others, figures)
	t.Log("\n" + figures.String())
}

// measure puts and gets a key of the home's own.
func (m *etcd) measure(t *testing.T, figures *Figures, row string) {
	for i := range 20 {
		value := fmt.Sprint(i)
		if err := figures.Time(row, "put", func() error {
			return m.put(t.Context(), m.host.Name, value, 10*time.Second)
		}); err != nil {
			t.Errorf("%s: put: %v", row, err)
		}
		if err := figures.Time(row, "get", func() error {
			got, err := m.get(t.Context(), m.host.Name)
			if err == nil && got != value {
				err = fmt.Errorf("got %q, want %q", got, value)
			}
			return err
		}); err != nil {
			t.Errorf("%s: get: %v", row, err)
		}
	}
}

// gap takes the leader's home away under load from the others, and measures how long
// each was without an answer.
func gap(t *testing.T, l *Lab, first *etcd, others []*etcd, figures *Figures) {
	t.Helper()
	type answer struct {
		m  *etcd
		at time.Duration
	}
	answers := make(chan answer, 10_000)
	var last [2]atomic.Int64 // the newest acknowledged number of each
	var puts, feeders sync.WaitGroup
	stop := make(chan struct{})
	began := time.Now()
	for i, m := range others {
		feeders.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for n := int64(1); ; n++ {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				puts.Go(func() {
					if m.put(t.Context(), fmt.Sprint(m.host.Name, n), "x", 2*time.Second) == nil {
						answers <- answer{m, time.Since(began)}
						last[i].Store(max(n, last[i].Load()))
					}
				})
			}
		})
	}
	harness.Eventually(t, 20*time.Second, "load runs", func() bool { return len(answers) > 40 })
	l.Isolate(first.host)
	first.proc.Kill()
	seen, at := len(answers), [2]int64{last[0].Load(), last[1].Load()}
	harness.Eventually(t, 40*time.Second, "both others are served again", func() bool {
		return len(answers) > seen+80 && last[0].Load() > at[0]+20 && last[1].Load() > at[1]+20
	})
	close(stop)
	feeders.Wait()
	puts.Wait()
	close(answers)
	before, longest := map[*etcd]time.Duration{}, map[*etcd]time.Duration{}
	for a := range answers {
		if b, ok := before[a.m]; ok {
			longest[a.m] = max(longest[a.m], a.at-b)
		}
		before[a.m] = a.at
	}
	for i, m := range others {
		figures.Add(m.host.Name, "longest without an answer, leader's home gone", longest[m])
		if _, err := m.get(t.Context(), fmt.Sprint(m.host.Name, last[i].Load())); err != nil {
			t.Errorf("%s: the last acknowledged key: %v", m.host.Name, err)
		}
	}
}
