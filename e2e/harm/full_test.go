package harm

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"rhizome/bench/wire"
	"rhizome/e2e/harness"
)

// smallDisk mounts a file system of mib MiB of its own and returns its folder.
func smallDisk(t *testing.T, mib int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	image := dir + ".img"
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v (this test mounts a small disk: run it as root)\n%s", name, args, err, out)
		}
	}
	run("truncate", "-s", fmt.Sprintf("%dM", mib), image)
	run("mkfs.ext4", "-q", "-m", "0", image)
	run("mkdir", dir)
	run("mount", "-o", "loop", image, dir)
	t.Cleanup(func() { run("umount", dir) })
	return dir
}

// free returns the free bytes of the file system that holds dir.
func free(t *testing.T, dir string) int64 {
	t.Helper()
	var s syscall.Statfs_t
	must(t, syscall.Statfs(dir, &s))
	return int64(s.Bavail) * s.Bsize
}

// fill puts objects of a size until one is refused, and returns how many are stored. The
// refusal must be a clear S3 error.
func fill(t *testing.T, c *wire.Client, name string, size, atMost int) int {
	t.Helper()
	for i := range atMost {
		resp, err := c.Do(&wire.Request{Method: "PUT", Path: fmt.Sprintf("/full/%s%05d", name, i), Body: harness.Random(uint64(i), size)})
		if err != nil {
			t.Fatalf("object %d: %v", i, err)
		}
		if resp.Status/100 == 2 {
			continue
		}
		if resp.Code() == "" || resp.Code() == "InternalError" || resp.Status < 400 {
			t.Errorf("a write that finds no room is answered with %d %q", resp.Status, resp.Body)
		}
		t.Logf("refused after %d objects of %d bytes: %d %s", i, size, resp.Status, resp.Body)
		return i
	}
	t.Fatalf("%d objects of %d bytes were taken", atMost, size)
	return 0
}

// readBack reads what fill stored.
func readBack(t *testing.T, c *wire.Client, name string, size, count int) {
	t.Helper()
	for i := range count {
		got := send(t, c, "GET", fmt.Sprintf("/full/%s%05d", name, i), "", nil)
		if string(got.Body) != string(harness.Random(uint64(i), size)) {
			t.Errorf("%s%05d: wrong bytes", name, i)
		}
	}
}

// TestDiskFull fills a small disk: writes are refused while there is room left, reads and
// deletes go on, and what is deleted makes room again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	const mib = 400
	disk := smallDisk(t, mib)
	n := harness.StartIn(t, filepath.Join(disk, "data"))
	t.Cleanup(n.Kill) // before the disk is unmounted
	c := client(t, n)
	send(t, c, "PUT", "/full", "", nil)
	large := fill(t, c, "large", 4<<20, mib/4)
	if large < 10 {
		t.Errorf("only %d objects of 4 MiB fit on a disk of %d MiB", large, mib)
	}
	small := fill(t, c, "small", 200_000, mib*10)
	rows := fill(t, c, "row", 4000, mib*300)
	if left := free(t, disk); left < 1<<20 {
		t.Errorf("%d bytes are left on the disk: it was filled to the brim", left)
	}
	readBack(t, c, "large", 4<<20, large)
	readBack(t, c, "small", 200_000, small)
	readBack(t, c, "row", 4000, min(rows, 500))
	n.Restart() // a full disk is no reason not to start
	c = client(t, n)
	readBack(t, c, "large", 4<<20, large)
	before := free(t, disk)
	for i := range large {
		send(t, c, "DELETE", fmt.Sprintf("/full/large%05d", i), "", nil)
	}
	want := before + int64(large)*(4<<20)*8/10
	harness.Eventually(t, patience, "the room of deleted objects is returned", func() bool { return free(t, disk) >= want })
	if again := fill(t, c, "again", 4<<20, mib/4); again < large/2 {
		t.Errorf("after deleting %d objects only %d fit", large, again)
	}
	for i := range rows {
		send(t, c, "DELETE", fmt.Sprintf("/full/row%05d", i), "", nil)
	}
	if rows > 1000 { // else large ones took what there was
		roomFor(t, c, "row", 4000)
	}
}

// roomFor waits until an object of a size is taken, which must be soon after room was made.
func roomFor(t *testing.T, c *wire.Client, name string, size int) {
	t.Helper()
	harness.Eventually(t, patience, "there is room again", func() bool {
		resp, err := c.Do(&wire.Request{Method: "PUT", Path: "/full/again-" + name, Body: harness.Random(1, size)})
		return err == nil && resp.Status == 200
	})
}

// TestCapacityOfSmallObjects: a node that is full of objects that lie in their rows
// takes others once most are deleted.
func TestCapacityOfSmallObjects(t *testing.T) {
	t.Parallel()
	for _, size := range []int{4000, 15_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			const capacity = 110 << 20
			n := harness.Start(t, "--capacity", "110MiB")
			c := client(t, n)
			send(t, c, "PUT", "/full", "", nil)
			count := fill(t, c, "row", size, capacity/size)
			if used := n.Usage(); used > capacity || count == capacity/size {
				t.Errorf("the data folder takes %d bytes with %d objects, over the capacity of %d", used, count, capacity)
			}
			for i := range count {
				if i%10 > 0 {
					send(t, c, "DELETE", fmt.Sprintf("/full/row%05d", i), "", nil)
				}
			}
			roomFor(t, c, "row", size)
			harness.Eventually(t, patience, "the room of all that was deleted is given back", func() bool {
				for i := range count / 2 {
					resp, err := c.Do(&wire.Request{Method: "PUT", Path: fmt.Sprintf("/full/more%05d", i), Body: harness.Random(uint64(i), size)})
					if err != nil || resp.Status != 200 {
						return false
					}
				}
				return true
			})
			for i := 0; i < count; i += 10 {
				got := send(t, c, "GET", fmt.Sprintf("/full/row%05d", i), "", nil)
				if string(got.Body) != string(harness.Random(uint64(i), size)) {
					t.Errorf("row%05d: wrong bytes", i)
				}
			}
			if used := n.Usage(); used > capacity {
				t.Errorf("after deletes and new objects the data folder takes %d bytes", used)
			}
		})
	}
}

// TestCapacity: --capacity holds.
func TestCapacity(t *testing.T) {
	t.Parallel()
	const capacity = 120 << 20
	n := harness.Start(t, "--capacity", "120MiB")
	c := client(t, n)
	send(t, c, "PUT", "/full", "", nil)
	large := fill(t, c, "large", 4<<20, 40)
	small := fill(t, c, "small", 100_000, 2000)
	if large < 15 {
		t.Errorf("only %d objects of 4 MiB fit", large)
	}
	if used := n.Usage(); used > capacity {
		t.Errorf("the data folder takes %d bytes, over the capacity of %d", used, capacity)
	}
	for i := range small {
		send(t, c, "DELETE", fmt.Sprintf("/full/small%05d", i), "", nil)
	}
	for i := range large {
		send(t, c, "DELETE", fmt.Sprintf("/full/large%05d", i), "", nil)
	}
	harness.Eventually(t, patience, "there is room again", func() bool {
		resp, err := c.Do(&wire.Request{Method: "PUT", Path: "/full/again", Body: harness.Random(1, 8<<20)})
		return err == nil && resp.Status == 200
	})
}
