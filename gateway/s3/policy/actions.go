package policy

import "strings"

// onBucket and onObject say what an action is about.
const (
	onBucket = 1 << iota
	onObject
)

// The actions of S3 on buckets and objects, without "s3:". A policy may speak of those
// that this server refuses: it then says nothing.
const (
	bucketActions = "CreateBucket DeleteBucket DeleteBucketOwnershipControls DeleteBucketPolicy DeleteBucketWebsite " +
		"GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketAcl GetBucketCORS GetBucketLocation " +
		"GetBucketLogging GetBucketMetadataTableConfiguration GetBucketNotification GetBucketObjectLockConfiguration " +
		"GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketRequestPayment " +
		"GetBucketTagging GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetIntelligentTieringConfiguration " +
		"GetInventoryConfiguration GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration ListBucket " +
		"ListBucketMultipartUploads ListBucketVersions PutAccelerateConfiguration PutAnalyticsConfiguration PutBucketAbac " +
		"PutBucketAcl PutBucketCORS PutBucketLogging PutBucketNotification PutBucketObjectLockConfiguration " +
		"PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock PutBucketRequestPayment PutBucketTagging " +
		"PutBucketVersioning PutBucketWebsite PutEncryptionConfiguration PutIntelligentTieringConfiguration " +
		"PutInventoryConfiguration PutLifecycleConfiguration PutMetricsConfiguration PutReplicationConfiguration " +
		"TagResource UntagResource ListTagsForResource"
	objectActions = "AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectTagging DeleteObjectVersion " +
		"DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold GetObjectRetention " +
		"GetObjectTagging GetObjectTorrent GetObjectVersion GetObjectVersionAcl GetObjectVersionAttributes " +
		"GetObjectVersionForReplication GetObjectVersionTagging GetObjectVersionTorrent InitiateReplication " +
		"ListMultipartUploadParts ObjectOwnerOverrideToBucketOwner PutObject PutObjectAcl PutObjectLegalHold " +
		"PutObjectRetention PutObjectTagging PutObjectVersionAcl PutObjectVersionTagging ReplicateDelete ReplicateObject " +
		"ReplicateTags RestoreObject UpdateObjectEncryption"
)

// actionKinds says of every known action what it is about.
var actionKinds = kindsOf()

func kindsOf() map[string]int {
	out := map[string]int{}
	for _, a := range strings.Fields(bucketActions) {
		out["s3:"+a] = onBucket
	}
	for _, a := range strings.Fields(objectActions) {
		out["s3:"+a] = onObject
	}
	return out
}

// Known reports whether there is an action of that name, such as "s3:GetObject".
func Known(action string) bool { return actionKinds[action] != 0 }

// OnObject reports whether an action is about an object, not a bucket.
func OnObject(action string) bool { return actionKinds[action] == onObject }

// actionSet is the known actions that a list of patterns stands for.
type actionSet map[string]bool

// readActions expands the patterns of Action or NotAction, in which case does not
// matter, and returns for each pattern what its actions are about.
func readActions(patterns []string) (actionSet, []int, error) {
	set, kinds := actionSet{}, []int{}
	for _, p := range patterns {
		kind, low := 0, strings.ToLower(p)
		glob := globOf(low, true)
		for a, k := range actionKinds {
			if p == "*" || strings.HasPrefix(low, "s3:") && glob.matches(strings.ToLower(a)) {
				set[a] = true
				kind |= k
			}
		}
		if kind == 0 {
			return nil, nil, fault(badAction, p)
		}
		kinds = append(kinds, kind)
	}
	return set, kinds, nil
}
