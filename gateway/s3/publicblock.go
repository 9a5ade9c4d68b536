package s3

import (
	"net/http"
	"strings"

	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// maxSettings bounds the body of a configuration, in bytes.
const maxSettings = 256 << 10

const blockRoot = "PublicAccessBlockConfiguration"

// blockParts are the elements of a public access block, in AWS's order.
var blockParts = []struct {
	name string
	of   func(*object.Block) *bool
}{
	{"BlockPublicAcls", func(b *object.Block) *bool { return &b.BlockACLs }},
	{"IgnorePublicAcls", func(b *object.Block) *bool { return &b.IgnoreACLs }},
	{"BlockPublicPolicy", func(b *object.Block) *bool { return &b.BlockPolicy }},
	{"RestrictPublicBuckets", func(b *object.Block) *bool { return &b.Restrict }},
}

func getBlock(q *request) error {
	b := q.bucket.Settings.Block
	if !b.Set {
		return s3err.New(s3err.NoSuchPublicAccessBlockConfiguration, s3err.Field{Name: "BucketName", Value: q.bucketName})
	}
	d := newDoc(blockRoot)
	for _, p := range blockParts {
		d.bool(p.name, *p.of(&b))
	}
	return q.xml(http.StatusOK, d, blockRoot)
}

func putBlock(q *request) error {
	root, err := q.configuration(blockRoot)
	if err != nil {
		return err
	}
	block := object.Block{Set: true}
	for _, n := range root.kids {
		if err := readBlock(&block, n); err != nil {
			return err
		}
	}
	return q.change(http.StatusOK, func(s *object.Settings) error {
		s.Block = block
		return nil
	})
}

func readBlock(b *object.Block, n *node) error {
	for _, p := range blockParts {
		if p.name == n.name {
			v, ok := xmlBool(n.text)
			if !ok {
				return malformed(nil)
			}
			*p.of(b) = v
			return nil
		}
	}
	return malformed(nil)
}

func xmlBool(s string) (v, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return false, false
}

// configuration reads the document of a configuration.
func (q *request) configuration(root string) (*node, error) {
	body, err := q.document(maxSettings, false)
	if err != nil {
		return nil, err
	}
	return parseXML(body, root)
}

func deleteBlock(q *request) error {
	return q.change(http.StatusNoContent, func(s *object.Settings) error {
		s.Block = object.Block{}
		return nil
	})
}

// There are no other owners than the bucket's, and no ACLs: AWS's BucketOwnerEnforced,
// which nothing here changes.
const enforced = "BucketOwnerEnforced"

const ownershipRoot = "OwnershipControls"

func getOwnership(q *request) error {
	d := newDoc(ownershipRoot)
	d.begin("Rule")
	d.text("ObjectOwnership", enforced)
	d.end("Rule")
	return q.xml(http.StatusOK, d, ownershipRoot)
}

func putOwnership(q *request) error {
	root, err := q.configuration(ownershipRoot)
	if err != nil {
		return err
	}
	if len(root.kids) != 1 || root.kids[0].name != "Rule" || len(root.kids[0].kids) != 1 {
		return malformed(nil)
	}
	switch v, _ := root.kids[0].child("ObjectOwnership"); strings.TrimSpace(v) {
	case enforced:
		q.reply(http.StatusOK)
		return nil
	case "BucketOwnerPreferred", "ObjectWriter":
		return notImplemented("Access control lists are not implemented: everything in a bucket is its owner's.")
	}
	return malformed(nil)
}
