package memo

import (
	"errors"
	"testing"
)

func TestMemo(t *testing.T) {
	m := New[int, string](2)
	decoded := 0
	of := func(k int, raw string) string {
		v, err := m.Of(k, []byte(raw), func() (string, error) {
			decoded++
			return "<" + raw + ">", nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for i, step := range []struct {
		key     int
		raw     string
		decoded int
	}{{1, "a", 1}, {1, "a", 1}, {1, "b", 2}, {1, "b", 2}, {1, "a", 3}, {2, "a", 4}, {2, "a", 4}, {1, "a", 4}, {3, "c", 5}, {3, "c", 5}} {
		if v := of(step.key, step.raw); v != "<"+step.raw+">" || decoded != step.decoded {
			t.Errorf("step %d: %q after %d times, want %d", i, v, decoded, step.decoded)
		}
	}
	if len(m.last) != 2 {
		t.Errorf("%d keys are remembered, want 2", len(m.last))
	}
}

func TestErrorsAreNotRemembered(t *testing.T) {
	m := New[int, int](1)
	broken := errors.New("broken")
	for _, want := range []error{broken, nil} {
		if _, err := m.Of(1, nil, func() (int, error) { return 0, want }); err != want {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

func TestLastAndForget(t *testing.T) {
	m := New[int, string](2)
	if _, ok := m.Last(1); ok {
		t.Error("something is remembered of what was never read")
	}
	_, _ = m.Of(1, []byte("a"), func() (string, error) { return "A", nil })
	if v, ok := m.Last(1); !ok || v != "A" {
		t.Errorf("%q %v", v, ok)
	}
	m.Forget(1)
	if _, ok := m.Last(1); ok {
		t.Error("what was forgotten is remembered")
	}
}
