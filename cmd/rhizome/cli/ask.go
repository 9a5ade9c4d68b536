package cli

import (
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
		line, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(a.Err)
		if err != nil {
			return "", errs.Newf(errs.Internal, "the answer cannot be read: %w", err)
		}
		return strings.TrimSpace(string(line)), nil
	}
	line, err := readLine(f, 4096)
	if err != nil {
		return "", errs.Newf(errs.Internal, "the answer cannot be read: %w", err)
	}
	return line, nil
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
