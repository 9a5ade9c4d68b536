package s3

import (
	"net/http"
	"strings"
)

// Everything is encrypted with AES-256 under the bucket's key, which is what SSE-S3 says:
// so this is every bucket's configuration, and the only one that it can be given.

func putEncryption(q *request) error {
	root, err := q.configuration("ServerSideEncryptionConfiguration")
	if err != nil {
		return err
	}
	if len(root.kids) != 1 || root.kids[0].name != "Rule" {
		return malformed(nil)
	}
	given := false
	for _, n := range root.kids[0].kids {
		switch text := strings.TrimSpace(n.text); n.name {
		case "ApplyServerSideEncryptionByDefault":
			if err := onlyAES(n); err != nil {
				return err
			}
			given = true
		case "BucketKeyEnabled":
			if text != "false" {
				return notImplemented("BucketKeyEnabled is about keys of SSE-KMS, which is not implemented.")
			}
		default:
			return notImplemented("The element " + n.name + " of ServerSideEncryptionConfiguration is not implemented.")
		}
	}
	if !given {
		return malformed(nil)
	}
	q.reply(http.StatusOK)
	return nil
}

// onlyAES refuses every default encryption but the one that there is.
func onlyAES(n *node) error {
	algorithm, _ := n.child("SSEAlgorithm")
	if _, key := n.child("KMSMasterKeyID"); key {
		return notImplemented("SSE-KMS is not implemented: there is no service of keys.")
	}
	switch strings.TrimSpace(algorithm) {
	case "AES256":
		return nil
	case "aws:kms", "aws:kms:dsse":
		return notImplemented("SSE-KMS is not implemented: there is no service of keys.")
	}
	return malformed(nil)
}
