package api

// Document is a bucket's policy or CORS configuration, as S3 takes it: JSON or XML.
type Document struct {
	Bucket string `json:"bucket"`
	Text   string `json:"text"`
	// Public says that the policy opens the bucket to everybody.
	Public bool `json:"public,omitempty"`
}

// SetDocument is PUT /v1/buckets/{bucket}/policy and …/cors.
type SetDocument struct {
	Text string `json:"text"`
}
