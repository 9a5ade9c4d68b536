package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"rhizome/e2e/harness"
)

// halves is a body of which the second half waits until it may come.
type halves struct {
	first, second io.Reader
	may           <-chan struct{}
}

func newHalves(body []byte, may <-chan struct{}) *halves {
	return &halves{bytes.NewReader(body[:len(body)/2]), bytes.NewReader(body[len(body)/2:]), may}
}

func (h *halves) Read(p []byte) (int, error) {
	if n, err := h.first.Read(p); err == nil {
		return n, nil
	}
	<-h.may
	return h.second.Read(p)
}

// TestAHomeVanishesAmidAPart: a part of an upload is under way through one home when
// another one, which has got half of it, is killed or cut off. The part is taken at the
// first attempt, the upload ends, and both homes that are left give the object back whole.
func TestAHomeVanishesAmidAPart(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	l.SetAll(Path{Delay: 5 * time.Millisecond})
	r := l.Rhizome(l.Home("lyon"), l.Home("paris"), l.Home("lille"))
	makeBucket(t, r.Nodes[0], "family")
	victim := r.Nodes[2]
	for _, how := range []struct {
		name     string
		do, undo func()
	}{
		{"killed", victim.Kill, func() { must(t, victim.Up()) }},
		{"cut off", func() { l.Isolate(victim.Host) }, l.Heal},
	} {
		vanishAmid(t, r, victim, how.name, how.do)
		how.undo()
		must(t, r.Settled(2*time.Minute))
		whole(t, victim, how.name)
	}
}

// vanishAmid uploads an object of two parts through the first node, with the victim away
// from the midst of the first part on.
func vanishAmid(t *testing.T, r *Rhizome, victim *Node, key string, vanish func()) {
	t.Helper()
	ctx, end := context.WithTimeout(t.Context(), 2*time.Minute)
	defer end()
	through := r.Nodes[0]
	c := through.S3(through.Host, "family").Client
	begun, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String("family"), Key: &key})
	must(t, err)
	var parts []types.CompletedPart
	part := func(number int32, body io.Reader) error {
		out, err := c.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String("family"), Key: &key, UploadId: begun.UploadId,
			PartNumber: &number, Body: body, ContentLength: aws.Int64(partSize)}, s3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware))
		if err == nil {
			parts = append(parts, types.CompletedPart{PartNumber: &number, ETag: out.ETag})
		}
		return err
	}
	way := r.lab.Way(through.Host, victim.Host)
	before := way.Stats()
	may, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- part(1, newHalves(harness.Random(1, partSize), may)) }()
	harness.Eventually(t, time.Minute, "the victim gets the part", func() bool {
		return way.Stats().Since(before).Delivered.Bytes > partSize/4
	})
	vanish()
	close(may)
	if err := <-done; err != nil {
		t.Errorf("%s: the part under way: %v", key, err)
		return
	}
	must(t, part(2, bytes.NewReader(harness.Random(2, partSize))))
	_, err = c.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: aws.String("family"), Key: &key, UploadId: begun.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	must(t, err)
	for _, n := range r.Nodes {
		if n != victim {
			whole(t, n, key)
		}
	}
}

// partSize is that of each part, and whole reads them at a node.
const partSize = 16 << 20

func whole(t *testing.T, n *Node, key string) {
	t.Helper()
	got, _, err := n.S3(n.Host, "family").Get(t.Context(), key)
	if err == nil && !bytes.Equal(got, append(harness.Random(1, partSize), harness.Random(2, partSize)...)) {
		err = fmt.Errorf("%d bytes, others than were sent", len(got))
	}
	if err != nil {
		t.Errorf("%s at %s: %v", key, n.Name, err)
	}
}
