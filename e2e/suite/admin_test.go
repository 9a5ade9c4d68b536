package suite

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What the stand-in for the suite's admin program finds in its environment.
const (
	programVar = "SUITE_PROGRAM" // the program
	dataVar    = "SUITE_DATA"    // its data folder
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == adminProgram {
		if err := administer(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// adminProgram is what the suite calls, in its working folder.
const adminProgram = "versitygw"

// administer does what "versitygw admin" was asked to do, by the program's command line.
func administer(args []string) error {
	if len(args) == 0 || args[0] != "admin" {
		return errors.New("only admin is asked of this")
	}
	outer := flags("admin")
	outer.Bool("allow-insecure", false, "")
	if err := outer.Parse(args[1:]); err != nil || outer.NArg() == 0 {
		return fmt.Errorf("%v: %w", args, err)
	}
	inner := flags(outer.Arg(0))
	if err := inner.Parse(outer.Args()[1:]); err != nil {
		return err
	}
	get := func(name string) string { return inner.Lookup(name).Value.String() }
	switch outer.Arg(0) {
	case "create-user":
		return makeUser(get("a"), get("s"), get("r"))
	case "change-bucket-owner":
		return program(nil, "bucket", "allow", get("b"), "--key", get("o"), "--owner", "--read", "--write", "--yes")
	}
	return fmt.Errorf("there is nothing like %s", outer.Arg(0))
}

// flags are all that the suite gives to any of its commands.
func flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	for _, n := range []string{"a", "s", "er", "r", "b", "o"} {
		f.String(n, "", "")
	}
	return f
}

// makeUser takes a pair over as a key.
func makeUser(id, secret, role string) error {
	args := []string{"key", "import", id}
	if role == "user" {
		args = append(args, "--no-create-bucket")
	}
	return program([]string{"AWS_ACCESS_KEY_ID=" + id, "AWS_SECRET_ACCESS_KEY=" + secret}, args...)
}

func program(env []string, args ...string) error {
	cmd := exec.Command(os.Getenv(programVar), append(args, "--data", os.Getenv(dataVar))...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w: %s", args, err, out)
	}
	return nil
}
