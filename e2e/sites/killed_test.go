package sites

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"rhizome/e2e/harness"
)

// TestKilledDeploy: a deployment that is killed at any moment changes nothing of what visitors see, and
// the next one sends no more than what is missing.
func TestKilledDeploy(t *testing.T) {
	n := harness.Start(t, "--web", "127.0.0.1:0")
	const host, files, each = "example.org", 400, 60_000
	n.MustCLI("site", "create", host)
	p := port(t, n.Process)
	dir := t.TempDir()
	fill := func(round int) {
		for i := range files {
			harness.WriteFile(t, dir, fmt.Sprintf("f%03d.bin", i), harness.Random(uint64(round*files+i), each))
		}
		harness.WriteFile(t, dir, "index.html", fmt.Appendf(nil, "round %d", round))
	}
	whole := func(round int) {
		t.Helper()
		want(t, p, host, "/", 200, fmt.Sprintf("round %d", round))
		for i := 0; i < files; i += 37 {
			want(t, p, host, fmt.Sprintf("/f%03d.bin", i), 200, string(harness.Random(uint64(round*files+i), each)))
		}
	}
	stored := func() (count int) {
		t.Helper()
		var b struct{ Objects int }
		if err := json.Unmarshal([]byte(n.MustCLI("bucket", "info", host, "--json")), &b); err != nil {
			t.Fatal(err)
		}
		return b.Objects
	}
	fill(0)
	n.MustCLI("site", "deploy", dir)
	whole(0)
	for round, moment := range []int{1, files / 10, files / 3, files / 2} { // how many objects it stored
		fill(round + 1)
		before := stored()
		cmd := exec.Command(n.Bin, "site", "deploy", dir, "--data", n.Dir)
		cmd.Env = harness.Env(t.TempDir())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for stored() < before+moment {
			select {
			case err := <-ended:
				t.Fatalf("it ended before it was killed, at %d of %d: %v", stored()-before, moment, err)
			case <-time.After(5 * time.Millisecond):
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-ended
		whole(round)
		if round == 2 {
			n.Kill()
			n.Start()
			p = port(t, n.Process)
			whole(round)
		}
		had := stored() - before - 1 // but for its manifest
		var out struct{ Files, Sent int }
		if err := json.Unmarshal([]byte(n.MustCLI("site", "deploy", dir, "--json")), &out); err != nil {
			t.Fatal(err)
		}
		if out.Files != files+1 || out.Sent > files+1-had {
			t.Errorf("round %d: %d files, %d sent, though %d were there", round+1, out.Files, out.Sent, had)
		}
		whole(round + 1)
	}
}
