package s3

import "net/http"

// refusedCall is a call of S3 that is not done, and why.
type refusedCall struct {
	scope               scope
	method, sub, action string
	why                 string
}

// refusedCalls are those that have a name. Others with a sub-resource are refused too.
func refusedCalls() []refusedCall {
	const get, put, post, del = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete
	const (
		tiers       = "there is one storage class"
		tables      = "there are no tables of metadata"
		reports     = "there are no reports of this kind; rhizome has metrics of its own"
		attributes  = "rights go by keys, members and the policy, not by tags of the bucket"
		annotations = "objects have user metadata and tags"
		enciphering = "everything is encrypted already; another key takes a copy"
	)
	return []refusedCall{
		{bucket, put, "accelerate", "PutBucketAccelerateConfiguration", "every node answers for itself"},
		{bucket, put, "analytics", "PutBucketAnalyticsConfiguration", reports},
		{bucket, del, "analytics", "DeleteBucketAnalyticsConfiguration", reports},
		{bucket, put, "intelligent-tiering", "PutBucketIntelligentTieringConfiguration", tiers},
		{bucket, del, "intelligent-tiering", "DeleteBucketIntelligentTieringConfiguration", tiers},
		{bucket, put, "metrics", "PutBucketMetricsConfiguration", reports},
		{bucket, del, "metrics", "DeleteBucketMetricsConfiguration", reports},
		{bucket, put, "requestPayment", "PutBucketRequestPayment", "nobody pays for requests"},
		{bucket, get, "abac", "GetBucketAbac", attributes},
		{bucket, put, "abac", "PutBucketAbac", attributes},
		{bucket, post, "metadataConfiguration", "CreateBucketMetadataConfiguration", tables},
		{bucket, get, "metadataConfiguration", "GetBucketMetadataConfiguration", tables},
		{bucket, del, "metadataConfiguration", "DeleteBucketMetadataConfiguration", tables},
		{bucket, post, "metadataTable", "CreateBucketMetadataTableConfiguration", tables},
		{bucket, get, "metadataTable", "GetBucketMetadataTableConfiguration", tables},
		{bucket, del, "metadataTable", "DeleteBucketMetadataTableConfiguration", tables},
		{bucket, put, "metadataInventoryTable", "UpdateBucketMetadataInventoryTableConfiguration", tables},
		{bucket, put, "metadataJournalTable", "UpdateBucketMetadataJournalTableConfiguration", tables},
		{bucket, put, "metadataAnnotationTable", "UpdateBucketMetadataAnnotationTableConfiguration", tables},
		{bucket, get, "session", "CreateSession", "there are no directory buckets"},

		{anObject, get, "annotation", "GetObjectAnnotation", annotations},
		{anObject, get, "annotation", "ListObjectAnnotations", annotations},
		{anObject, put, "annotation", "PutObjectAnnotation", annotations},
		{anObject, del, "annotation", "DeleteObjectAnnotation", annotations},
		{anObject, get, "torrent", "GetObjectTorrent", "there are no torrents"},
		{anObject, post, "restore", "RestoreObject", tiers},
		{anObject, post, "select", "SelectObjectContent", "bytes are given as they are; AWS takes no new users for it"},
		{anObject, put, "renameObject", "RenameObject", "there are no directory buckets: copy, then delete"},
		{anObject, put, "encryption", "UpdateObjectEncryption", enciphering},
	}
}
