package lab

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// space is a network namespace and a thread that lives in it as long as the space. What
// that thread starts gets the namespace, and the kernel's signal when the thread ends.
type space struct {
	fd    int
	tasks chan func()
	quit  chan struct{}
	gone  chan struct{}
}

func newSpace() (*space, error) {
	s := &space{tasks: make(chan func()), quit: make(chan struct{}), gone: make(chan struct{})}
	ready := make(chan error)
	onThread(func() {
		defer close(s.gone)
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			s.fd, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		ready <- err
		if err == nil {
			s.live()
		}
	})
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("a network namespace: %w (the lab needs root)", err)
	}
	return s, nil
}

func (s *space) live() {
	for {
		select {
		case task := <-s.tasks:
			task()
		case <-s.quit:
			return
		}
	}
}

// close ends the thread, which kills what it started. Call it once.
func (s *space) close() {
	close(s.quit)
	<-s.gone
	unix.Close(s.fd)
}

// onThread runs f on a thread that ends with it and is not the process's first, whose
// namespace others look at and which never ends.
func onThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != os.Getpid() {
			f() // the thread ends because it is still locked
			return
		}
		defer runtime.UnlockOSThread()
		elsewhere := make(chan struct{})
		onThread(func() { close(elsewhere); f() })
		<-elsewhere
	}()
}

// errGone is the answer of a host after the end of its test.
var errGone = errors.New("the lab is closed")

// do runs a short task on the space's thread.
func (s *space) do(task func() error) error {
	result := make(chan error, 1)
	select {
	case s.tasks <- func() { result <- task() }:
		return <-result
	case <-s.gone:
		return errGone
	}
}

// visit runs a task that may take its time on a thread of its own in the namespace.
func (s *space) visit(task func() error) error {
	select {
	case <-s.gone:
		return errGone
	default:
	}
	result := make(chan error, 1)
	onThread(func() {
		if err := unix.Setns(s.fd, unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("enter the namespace: %w", err)
			return
		}
		result <- task()
	})
	return <-result
}

// path names the namespace for commands that this process starts.
func (s *space) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), s.fd) }
