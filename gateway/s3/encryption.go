package s3

import (
	"net/http"
	"strings"

	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// Everything is encrypted with AES-256 under the bucket's key, which is what SSE-S3 says:
// so this is every bucket's default, and the only one that it can be given. Keys of customers
// beside it may be blocked.

const encryptionRoot = "ServerSideEncryptionConfiguration"

func getEncryption(q *request) error {
	d := newDoc(encryptionRoot)
	d.begin("Rule")
	d.begin("ApplyServerSideEncryptionByDefault")
	d.text("SSEAlgorithm", "AES256")
	d.end("ApplyServerSideEncryptionByDefault")
	d.bool("BucketKeyEnabled", false)
	d.begin("BlockedEncryptionTypes")
	if q.bucket.Settings.BlockCustomerKeys {
		d.text("EncryptionType", "SSE-C")
	} else {
		d.text("EncryptionType", "NONE")
	}
	d.end("BlockedEncryptionTypes")
	d.end("Rule")
	return q.xml(http.StatusOK, d, encryptionRoot)
}

// putEncryption blocks or allows customers' keys if that is said; what is not said of them stays.
func putEncryption(q *request) error {
	root, err := q.configuration(encryptionRoot)
	if err != nil {
		return err
	}
	if len(root.kids) != 1 || root.kids[0].name != "Rule" {
		return malformed(nil)
	}
	given := false
	var block *bool
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
		case "BlockedEncryptionTypes":
			if block, err = blockedTypes(n); err != nil {
				return err
			}
		default:
			return notImplemented("The element " + n.name + " of ServerSideEncryptionConfiguration is not implemented.")
		}
	}
	if !given && block == nil {
		return malformed(nil)
	}
	if block == nil || *block == q.bucket.Settings.BlockCustomerKeys {
		q.reply(http.StatusOK)
		return nil
	}
	return q.change(http.StatusOK, func(s *object.Settings) error {
		s.BlockCustomerKeys = *block
		return nil
	})
}

// blockedTypes reads which encryption is blocked: NONE, or SSE-C.
func blockedTypes(n *node) (*bool, error) {
	block := false
	if len(n.kids) != 1 || n.kids[0].name != "EncryptionType" {
		return nil, malformed(nil)
	}
	switch strings.TrimSpace(n.kids[0].text) {
	case "NONE":
	case "SSE-C":
		block = true
	default:
		return nil, malformed(nil)
	}
	return &block, nil
}

// onlyAES refuses every default encryption but the one that there is.
func onlyAES(n *node) error {
	algorithm, _ := n.child("SSEAlgorithm")
	algorithm = strings.TrimSpace(algorithm)
	if _, key := n.child("KMSMasterKeyID"); key && algorithm == "AES256" {
		return s3err.Argument("ApplyServerSideEncryptionByDefault", "", "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse")
	}
	switch algorithm {
	case "AES256":
		return nil
	case "aws:kms", "aws:kms:dsse":
		return notImplemented("SSE-KMS is not implemented: there is no service of keys.")
	}
	return malformed(nil)
}
