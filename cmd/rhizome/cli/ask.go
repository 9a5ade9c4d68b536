package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"rhizome/base/errs"
)

// ask reads a line from the terminal, unseen if it is a secret.
func (a *App) ask(what string, secret bool) (string, error) {
	f, ok := a.In.(*os.File)
	if !ok || !terminal(f) {
		return "", errs.New(errs.Invalid, "the key pair is needed: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run this on a terminal")
	}
	fmt.Fprintf(a.Err, "%s: ", what)
	if secret {
		shown, _ := term.GetState(int(f.Fd()))
		line, err := unlessStopped(a, func() ([]byte, error) { return term.ReadPassword(int(f.Fd())) })
		if errors.Is(err, errStopped) && shown != nil {
			_ = term.Restore(int(f.Fd()), shown) // what is typed is seen again
			return "", err
		}
		fmt.Fprintln(a.Err)
		if err != nil {
			return "", errs.Newf(errs.Internal, "the answer cannot be read: %w", err)
		}
		return strings.TrimSpace(string(line)), nil
	}
	line, err := a.readLine(4096)
	if err != nil {
		return "", errs.Newf(errs.Internal, "the answer cannot be read: %w", err)
	}
	return line, nil
}

// askTwice asks for a secret that nobody sees while it is typed, until it is typed twice alike.
func (a *App) askTwice(what string) (string, error) {
	for {
		first, err := a.ask(what, true)
		if err != nil || first == "" {
			return first, err
		}
		switch again, err := a.ask(a.Say.T("The same once more"), true); {
		case err != nil:
			return "", err
		case again == first:
			return first, nil
		}
		fmt.Fprintln(a.Err, a.Say.T("The two differ."))
	}
}

// readLine reads a line of at most limit bytes from In.
func (a *App) readLine(limit int) (string, error) {
	return unlessStopped(a, func() (string, error) { return readLine(a.In, limit) })
}

// unlessStopped waits for what a person types, or fails with errStopped when the command is
// told to end: the reading is left behind then, as the process ends.
func unlessStopped[T any](a *App, read func() (T, error)) (T, error) {
	type answer struct {
		text T
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := read()
		got <- answer{text, err}
	}()
	select {
	case <-a.ending:
		fmt.Fprintln(a.Err, "\n"+a.Say.Error(errNotMeant))
		var none T
		return none, errStopped
	case x := <-got:
		return x.text, x.err
	}
}

// readLine reads one line of at most limit bytes, byte by byte, so that nothing behind
// it is lost to a buffer. The end of the input ends a line too.
func readLine(r io.Reader, limit int) (string, error) {
	var line []byte
	for one := make([]byte, 1); len(line) < limit; {
		n, err := r.Read(one)
		if n == 1 && one[0] == '\n' {
			break
		}
		line = append(line, one[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
	}
	return strings.TrimSpace(string(line)), nil
}
