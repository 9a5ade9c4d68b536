package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"rhizome/e2e/harness"
)

// TestOneHomeMayVanish: of three homes each is killed, then cut off, under load at the
// other two. No request of a client with the usual retries fails, nor does an upload in
// parts that is under way. It prints the longest waits and asserts nothing about them.
// RHIZOME_SOAK plays it at three distances.
func TestOneHomeMayVanish(t *testing.T) {
	distances := []time.Duration{25 * time.Millisecond}
	if os.Getenv("RHIZOME_SOAK") != "" {
		distances = []time.Duration{0, 25 * time.Millisecond, 50 * time.Millisecond}
	}
	for _, d := range distances {
		t.Run(fmt.Sprintf("RTT_%s", 2*d), func(t *testing.T) { vanish(t, d) })
	}
}

func vanish(t *testing.T, delay time.Duration) {
	l := New(t, Options{})
	hosts := []*Host{l.Home("lyon"), l.Home("paris"), l.Home("lille")}
	l.SetAll(Path{Delay: delay, Jitter: delay / 10}) // from the first: a TCP that paces by the least round trip it saw would crawl
	r := l.Rhizome(hosts...)
	makeBucket(t, r.Nodes[0], "family")
	figures := &Figures{Title: fmt.Sprintf("requests at the other two homes while one vanishes, round trip %s", 2*delay)}
	for i, victim := range r.Nodes {
		others := []*Node{r.Nodes[(i+1)%3], r.Nodes[(i+2)%3]}
		load := startLoad(t, others, figures, "killed")
		up := newUpload(t, others[0])
		up.part(t, figures, "before", 1)
		pause(t, time.Second)
		victim.Kill()
		up.part(t, figures, "killed", 2)
		pause(t, 3*time.Second)
		up.complete(t)
		load.stop(t)
		must(t, victim.Up())
		must(t, r.Settled(3*time.Minute))

		load = startLoad(t, others, figures, "cut off")
		pause(t, time.Second)
		up = newUpload(t, others[0])
		up.part(t, figures, "before", 1)
		l.Isolate(victim.Host)
		up.part(t, figures, "cut off", 2)
		pause(t, 3*time.Second)
		up.complete(t)
		load.stop(t)
		l.Heal()
		must(t, r.Settled(3*time.Minute))
	}
	t.Log("\n" + figures.String())
}

// load is clients at some nodes that write and read, with an SDK's usual retries.
type load struct {
	end     context.CancelFunc
	clients sync.WaitGroup
	done    atomic.Int64
	errs    chan error
}

func startLoad(t *testing.T, nodes []*Node, figures *Figures, what string) *load {
	ctx, end := context.WithCancel(t.Context())
	w := &load{end: end, errs: make(chan error, 64)}
	for i := range 6 {
		n := nodes[i%len(nodes)]
		c := usual(t, n)
		w.clients.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				if err := w.one(c, figures, what, fmt.Sprintf("%s/%d/%d", n.Name, i, k%10), 700+(k%3)*50_000); err != nil {
					select {
					case w.errs <- fmt.Errorf("at %s: %w", n.Name, err):
					default:
					}
				}
				w.done.Add(1)
			}
		})
	}
	return w
}

// one writes an object and reads it back.
func (w *load) one(c *s3.Client, figures *Figures, what, key string, size int) error {
	ctx, end := context.WithTimeout(context.Background(), time.Minute)
	defer end()
	body := harness.Random(uint64(size), size)
	if err := figures.Time(what, "PUT", func() error {
		_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("family"), Key: &key, Body: bytes.NewReader(body)})
		return err
	}); err != nil {
		return fmt.Errorf("PUT: %w", err)
	}
	return figures.Time(what, "GET", func() error {
		out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("family"), Key: &key})
		if err != nil {
			return fmt.Errorf("GET: %w", err)
		}
		defer out.Body.Close()
		got, err := io.ReadAll(out.Body)
		if err == nil && !bytes.Equal(got, body) {
			err = fmt.Errorf("GET: %d other bytes", len(got))
		}
		return err
	})
}

func (w *load) stop(t *testing.T) {
	t.Helper()
	w.end()
	w.clients.Wait()
	close(w.errs)
	for err := range w.errs {
		t.Error(err)
	}
	if n := w.done.Load(); n < 20 {
		t.Errorf("%d rounds were done: too few to show anything", n)
	}
}

// usual is a client as an SDK makes it, with three attempts. What it repeats is logged.
func usual(t *testing.T, n *Node) *s3.Client {
	return s3.New(n.S3(n.Host, "family").Client.Options(), func(o *s3.Options) {
		o.Retryer = &telling{retry.NewStandard(), t, n.Name}
	})
}

type telling struct {
	*retry.Standard
	t    *testing.T
	node string
}

func (r *telling) RetryDelay(attempt int, why error) (time.Duration, error) {
	d, err := r.Standard.RetryDelay(attempt, why)
	r.t.Logf("a request at %s is repeated after %s: %v", r.node, d, why)
	return d, err
}

// upload is an upload in parts under way.
type upload struct {
	c     *s3.Client
	id    *string
	parts []types.CompletedPart
	body  []byte
}

func newUpload(t *testing.T, n *Node) *upload {
	t.Helper()
	u := &upload{c: usual(t, n)}
	out, err := u.c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String("family"), Key: aws.String("parts")})
	must(t, err)
	u.id = out.UploadId
	return u
}

func (u *upload) part(t *testing.T, figures *Figures, what string, number int32) {
	t.Helper()
	body := harness.Random(uint64(number), 6<<20)
	var out *s3.UploadPartOutput
	if err := figures.Time(what, "6 MiB part", func() (err error) {
		out, err = u.c.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: aws.String("family"), Key: aws.String("parts"),
			UploadId: u.id, PartNumber: &number, Body: bytes.NewReader(body)})
		return err
	}); err != nil {
		t.Errorf("part %d: %v", number, err)
		return
	}
	u.parts = append(u.parts, types.CompletedPart{PartNumber: &number, ETag: out.ETag})
	u.body = append(u.body, body...)
}

func (u *upload) complete(t *testing.T) {
	t.Helper()
	_, err := u.c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: aws.String("family"), Key: aws.String("parts"),
		UploadId: u.id, MultipartUpload: &types.CompletedMultipartUpload{Parts: u.parts}})
	must(t, err)
	out, err := u.c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("family"), Key: aws.String("parts")})
	must(t, err)
	defer out.Body.Close()
	got, err := io.ReadAll(out.Body)
	must(t, err)
	if !bytes.Equal(got, u.body) {
		t.Errorf("the uploaded object has %d bytes, others than were sent", len(got))
	}
}
