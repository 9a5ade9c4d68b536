package s3

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strings"

	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// Keys that clients bring for their own objects: SSE-C. Three headers bring one: algorithm,
// key and the key's MD5, with a prefix for the source of a copy.
const (
	customerPrefix = "X-Amz-Server-Side-Encryption-Customer-"
	sourcePrefix   = "X-Amz-Copy-Source-Server-Side-Encryption-Customer-"
	sseHeader      = "X-Amz-Server-Side-Encryption"
)

// customer is the key that a request brings; the zero one is none.
type customer struct {
	key *object.CustomerKey
	md5 string // base64
}

// anyCustomer reports whether one of the three headers is there.
func anyCustomer(h http.Header, prefix string) bool {
	return h[prefix+"Algorithm"] != nil || h[prefix+"Key"] != nil || h[prefix+"Key-Md5"] != nil
}

// readKey reads the key of what is read.
func (q *request) readKey() (customer, error) {
	return q.customerKey(q.r.Header, customerPrefix, false)
}

// sourceKey reads the key of the source of a copy.
func (q *request) sourceKey() (customer, error) {
	return q.customerKey(q.r.Header, sourcePrefix, false)
}

// writeKey reads the key that an object, an upload or a part is to be encrypted with. h are
// the request's headers, or the fields of its form.
func (q *request) writeKey(h http.Header) (customer, error) {
	if !anyCustomer(h, customerPrefix) {
		return customer{}, nil
	}
	if sse := h.Get(sseHeader); sse != "" {
		return customer{}, s3err.Argument("x-amz-server-side-encryption", sse,
			"Server Side Encryption with Customer provided key is incompatible with the encryption method specified")
	}
	k, err := q.customerKey(h, customerPrefix, true)
	if err != nil {
		return k, err
	}
	q.customer = k
	return k, q.keysAllowed(q.bucket)
}

// keysAllowed refuses what is written with a customer's key into a bucket that blocks it.
func (q *request) keysAllowed(b *object.Bucket) error {
	if q.customer.key == nil || !b.Settings.BlockCustomerKeys {
		return nil
	}
	return s3err.Newf(s3err.AccessDenied, "User: %s is not authorized to perform: %s on resource: \"%s\" because this bucket has blocked upload requests "+
		"that specify Server Side Encryption with Customer provided keys (SSE-C). Please specify a different server-side encryption type",
		q.callerID(), q.route.IAM[0], q.resource(q.route.IAM[0], q.key))
}

func (q *request) callerID() string {
	if q.who == nil {
		return "anonymous"
	}
	return q.who.ID
}

// customerKey reads a key. What is written says its MD5; of what is read the key alone will do,
// as in S3.
func (q *request) customerKey(h http.Header, prefix string, write bool) (customer, error) {
	if !anyCustomer(h, prefix) {
		return customer{}, nil
	}
	if !q.secure() {
		return customer{}, s3err.Newf(s3err.InvalidRequest, "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.")
	}
	algorithm, text, sum := h.Get(prefix+"Algorithm"), h.Get(prefix+"Key"), h.Get(prefix+"Key-Md5")
	switch {
	case algorithm == "":
		return customer{}, badCustomer("must provide a valid encryption algorithm.")
	case algorithm != "AES256":
		return customer{}, s3err.New(s3err.InvalidEncryptionAlgorithmError, s3err.Field{Name: "ArgumentName", Value: "x-amz-server-side-encryption"},
			s3err.Field{Name: "ArgumentValue", Value: algorithm})
	case text == "":
		return customer{}, badCustomer("must provide an appropriate secret key.")
	case sum == "" && write:
		return customer{}, badCustomer("must provide the client calculated MD5 of the secret key.")
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	digest := md5.Sum(raw)
	own := base64.StdEncoding.EncodeToString(digest[:])
	if sum != "" && (err != nil || subtle.ConstantTimeCompare([]byte(own), []byte(sum)) != 1) {
		return customer{}, s3err.Argument("x-amz-server-side-encryption", "null", "The calculated MD5 hash of the key did not match the hash that was provided.")
	}
	k := object.NewCustomerKey(raw)
	switch {
	case k == nil && write:
		return customer{}, s3err.Argument("x-amz-server-side-encryption", "null", "The secret key was invalid for the specified algorithm.")
	case k == nil:
		return customer{}, wrongCustomer(nil)
	}
	return customer{k, own}, nil
}

func badCustomer(why string) error {
	return s3err.Argument("x-amz-server-side-encryption", "null", "Requests specifying Server Side Encryption with Customer provided keys "+why)
}

func wrongCustomer(err error) *s3err.Error {
	return s3err.Newf(s3err.AccessDenied, "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.").Because(err)
}

// secure reports whether nobody on the way can read the request: it came over TLS, or from
// this machine, where a proxy may have taken TLS off. A proxy that says that its client used
// plain HTTP is believed: who lies that way loses by it alone.
func (q *request) secure() bool {
	if q.r.TLS != nil {
		return true
	}
	host, _, err := net.SplitHostPort(q.r.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback() && !strings.EqualFold(q.r.Header.Get("X-Forwarded-Proto"), "http")
}

// encryptionHeaders say how something is encrypted.
func (q *request) encryptionHeaders(customers bool, k customer) {
	if !customers {
		q.set("x-amz-server-side-encryption", "AES256")
		return
	}
	q.set("x-amz-server-side-encryption-customer-algorithm", "AES256")
	q.some("x-amz-server-side-encryption-customer-key-MD5", k.md5)
}

// customerErrors are what the object service says of customers' keys, in S3's words.
func customerErrors(err error) *s3err.Error {
	switch {
	case errors.Is(err, object.ErrKeyWrong):
		return wrongCustomer(err)
	case errors.Is(err, object.ErrKeyNeeded):
		return s3err.Newf(s3err.InvalidRequest, "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.").Because(err)
	case errors.Is(err, object.ErrKeyless):
		return s3err.Newf(s3err.InvalidRequest, "The encryption parameters are not applicable to this object.").Because(err)
	case errors.Is(err, object.ErrUploadKey):
		return s3err.Newf(s3err.InvalidRequest, "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.").Because(err)
	case errors.Is(err, object.ErrUploadKeyOther):
		return s3err.Newf(s3err.InvalidRequest, "The provided encryption parameters did not match the ones used originally.").Because(err)
	}
	return nil
}

// takesCustomer reports whether an operation that writes looks at the headers of a key.
func (r *route) takesCustomer() bool {
	switch r.Action {
	case "PutObject", "PostObject", "CopyObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload":
		return true
	}
	return false
}
