package node

import (
	"context"

	"rhizome/gateway/s3"
	"rhizome/model/object"
)

// documents reads for the command line what S3 keeps with a bucket.
type documents struct{ people s3.People }

// Policy implements admin.Documents.
func (d documents) Policy(ctx context.Context, name string, text []byte) (*object.Policy, bool, error) {
	return s3.CheckPolicy(ctx, d.people, name, text)
}

// CORS implements admin.Documents.
func (documents) CORS(text []byte) ([]object.CORSRule, error) { return s3.CheckCORS(text) }

// Lifecycle implements admin.Documents.
func (documents) Lifecycle(text []byte) ([]object.LifecycleRule, error) {
	return s3.CheckLifecycle(text)
}

// LifecycleText implements admin.Documents.
func (documents) LifecycleText(rules []object.LifecycleRule) []byte { return s3.LifecycleText(rules) }

// CORSText implements admin.Documents.
func (documents) CORSText(rules []object.CORSRule) []byte { return s3.CORSText(rules) }
