package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// hits asks for the page on all connections for a while and returns how many answers came, and
// how long it took. The client does as little as it can, so that the server is what is measured.
func hits(address string, span time.Duration) (int64, time.Duration, error) {
	var count atomic.Int64
	var wg sync.WaitGroup
	failed := make([]error, connections)
	began := time.Now()
	for i := range connections {
		wg.Go(func() {
			c, err := net.Dial("tcp", address)
			if err != nil {
				failed[i] = err
				return
			}
			defer c.Close()
			r := bufio.NewReaderSize(c, 16<<10)
			for time.Since(began) < span && failed[i] == nil {
				failed[i] = ask(c, r)
				count.Add(1)
			}
		})
	}
	wg.Wait()
	return count.Load(), time.Since(began), errors.Join(failed...)
}

var length = []byte("Content-Length: ")

func ask(c net.Conn, r *bufio.Reader) error {
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+host+"\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"); err != nil {
		return err
	}
	n := -1
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")):
			return fmt.Errorf("it answers %q", line)
		case len(line) == 2:
			if n != page {
				return fmt.Errorf("a page of %d bytes", n)
			}
			_, err := r.Discard(n)
			return err
		}
		if v, ok := bytes.CutPrefix(line, length); ok {
			if n, err = strconv.Atoi(string(bytes.TrimSpace(v))); err != nil {
				return err
			}
		}
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// answers waits until somebody listens.
func answers(address string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; <-tick.C {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return c.Close()
		}
		if time.Since(began) > 10*time.Second {
			return err
		}
	}
}
