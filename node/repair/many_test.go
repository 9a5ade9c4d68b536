package repair_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/vfs"
	"rhizome/node/repair"
)

// TestManyDamages damages several files at once, among them those that repair needs.
func TestManyDamages(t *testing.T) {
	worlds := []*built{build(t, true, true, true), build(t, false, true, false), build(t, true, false, false)}
	for seed := range 6 + 40**damageRounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(seed), 9))
			b := worlds[rng.IntN(len(worlds))]
			fs := b.fs.CrashClone(vfs.CrashCloneCfg{})
			all := files(t, fs, "/")
			for range 2 + rng.IntN(4) {
				i := rng.IntN(len(all))
				how := rng.IntN(8)
				if strings.HasSuffix(all[i], ".log") && how > 0 {
					continue // at its end, that may look like what a crash leaves
				}
				t.Log(hurt(t, fs, all[i], rng, how), all[i])
				if all = append(all[:i:i], all[i+1:]...); len(all) == 0 {
					break
				}
			}
			h, rep := b.rebuild(t, fs)
			defer h.close()
			b.checkRebuilt(t, h, rep)
		})
	}
}

// failing is a file system on which some renames fail.
type failing struct {
	vfs.FS
	rename func(from, to string) bool
}

func (f failing) Rename(from, to string) error {
	if f.rename(from, to) {
		return errors.New("no")
	}
	return f.FS.Rename(from, to)
}

// TestCutShort cuts a rebuild short at each of its last steps. The node does not start
// then, and another rebuild ends it.
func TestCutShort(t *testing.T) {
	b := build(t, false, true, true)
	for _, step := range []string{"adopt", "/data/rows.damaged-", "/data/rows", ".json", ".txt"} {
		t.Run(step, func(t *testing.T) {
			fs := b.fs.CrashClone(vfs.CrashCloneCfg{})
			_, err := repair.Rebuild(context.Background(), repair.Options{
				FS: failing{fs, func(_, to string) bool {
					return to == step || strings.HasSuffix(step, "-") && strings.HasPrefix(to, step) || strings.HasPrefix(step, ".") && strings.HasSuffix(to, step)
				}},
				Data: data, Root: b.id.root, Node: newNode(), Home: "home", SaveLayout: saveLayout,
				Adopt: func() error {
					if step == "adopt" {
						return errors.New("no")
					}
					return nil
				},
				Clock: b.id.clock, Logger: slog.New(slog.DiscardHandler),
			})
			if err == nil {
				t.Fatal("the rebuild ended")
			}
			fs = fs.CrashClone(vfs.CrashCloneCfg{})
			if err := repair.Guard(fs, data); errs.KindOf(err) != errs.Corrupt {
				t.Fatalf("guard: %v", err)
			}
			h, rep := b.rebuild(t, fs)
			defer h.close()
			if right, live := b.rightCount(h); right != live || len(rep.Lost) > 0 {
				t.Errorf("%d of %d right; %s", right, live, summary(rep))
			}
			if err := repair.Guard(fs, data); err != nil {
				t.Errorf("guard: %v", err)
			}
		})
	}
}
