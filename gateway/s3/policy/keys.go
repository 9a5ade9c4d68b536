package policy

import "strings"

// kind is what a condition key's values are.
type kind uint8

const (
	anyKind kind = iota
	words
	number
	date
	epoch // a date as seconds since 1970
	boolean
	address
	arn
)

// key is a condition key.
type key struct {
	kind kind
	many bool   // a request may have several values
	on   string // the actions that it is about; "" is all
	// made: it says how an object is to be made, which is decided when an upload is begun.
	made bool
}

const (
	listing    = "ListBucket ListBucketVersions"
	storing    = "PutObject"
	acls       = "PutObject PutObjectAcl PutObjectVersionAcl PutBucketAcl"
	conditions = "PutObject DeleteObject"
	oneVersion = "DeleteObjectVersion DeleteObjectVersionTagging GetObjectVersion GetObjectVersionAcl GetObjectVersionAttributes " +
		"GetObjectVersionTagging GetObjectVersionTorrent PutObjectVersionAcl PutObjectVersionTagging RestoreObject " +
		"PutObjectRetention PutObjectLegalHold GetObjectRetention GetObjectLegalHold"
	tagged = "DeleteObjectTagging DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAttributes GetObjectTagging " +
		"GetObjectVersion GetObjectVersionAcl GetObjectVersionAttributes GetObjectVersionTagging PutObjectAcl PutObjectTagging " +
		"PutObjectVersionAcl PutObjectVersionTagging"
	tagging   = "PutObject PutObjectTagging PutObjectVersionTagging"
	retaining = "PutObject PutObjectRetention BypassGovernanceRetention"
	holding   = "PutObject PutObjectLegalHold"
)

// keys are the condition keys, in lower case; names are the same in any case, but for
// the names of tags. After one that ends in a slash comes the name of a tag.
var keys = map[string]key{
	"aws:currenttime":      {kind: date},
	"aws:epochtime":        {kind: epoch},
	"aws:principalaccount": {kind: words},
	"aws:principalarn":     {kind: arn},
	"aws:principaltype":    {kind: words},
	"aws:sourceaccount":    {kind: words},
	"aws:sourcearn":        {kind: arn},

	"aws:principalisawsservice": {kind: boolean},

	"aws:referer":         {kind: words},
	"aws:securetransport": {kind: boolean},
	"aws:sourceip":        {kind: address},
	"aws:useragent":       {kind: words},
	"aws:userid":          {kind: words},
	"aws:username":        {kind: words},

	"s3:authtype":         {kind: words},
	"s3:signatureage":     {kind: number},
	"s3:signatureversion": {kind: words},
	"s3:tlsversion":       {kind: number},

	"s3:delimiter": {kind: words, on: listing},
	"s3:max-keys":  {kind: number, on: listing},
	"s3:prefix":    {kind: words, on: listing},
	"s3:versionid": {kind: words, on: oneVersion},

	"s3:existingobjecttag/":   {kind: anyKind, on: tagged},
	"s3:requestobjecttag/":    {kind: anyKind, on: tagging, made: true},
	"s3:requestobjecttagkeys": {kind: words, many: true, on: tagging, made: true},

	"s3:object-lock-legal-hold":               {kind: words, on: holding, made: true},
	"s3:object-lock-mode":                     {kind: words, on: retaining, made: true},
	"s3:object-lock-remaining-retention-days": {kind: number, on: retaining, made: true},
	"s3:object-lock-retain-until-date":        {kind: date, on: retaining, made: true},

	"s3:objectcreationoperation": {kind: boolean, on: storing},

	"s3:if-match":      {kind: words, on: conditions},
	"s3:if-none-match": {kind: words, on: storing},

	"s3:x-amz-acl":                       {kind: words, on: acls, made: true},
	"s3:x-amz-content-sha256":            {kind: words},
	"s3:x-amz-copy-source":               {kind: words, on: storing},
	"s3:x-amz-grant-full-control":        {kind: words, on: acls, made: true},
	"s3:x-amz-grant-read":                {kind: words, on: acls, made: true},
	"s3:x-amz-grant-read-acp":            {kind: words, on: acls, made: true},
	"s3:x-amz-grant-write":               {kind: words, on: acls, made: true},
	"s3:x-amz-grant-write-acp":           {kind: words, on: acls, made: true},
	"s3:x-amz-metadata-directive":        {kind: words, on: storing},
	"s3:x-amz-object-ownership":          {kind: words, on: "PutBucketOwnershipControls"},
	"s3:x-amz-server-side-encryption":    {kind: words, on: storing, made: true},
	"s3:x-amz-storage-class":             {kind: words, on: storing, made: true},
	"s3:x-amz-website-redirect-location": {kind: words, on: storing, made: true},

	"s3:x-amz-server-side-encryption-aws-kms-key-id":     {kind: arn, on: storing, made: true},
	"s3:x-amz-server-side-encryption-customer-algorithm": {kind: words, on: storing, made: true},
}

// lowerKey returns a key's name as it is compared: in lower case, but for a tag's name.
func lowerKey(name string) string {
	head, tail, found := strings.Cut(name, "/")
	if found {
		return strings.ToLower(head) + "/" + tail
	}
	return strings.ToLower(name)
}

// keyOf returns what is known of a key, given as lowerKey returns it.
func keyOf(name string) (key, bool) {
	if head, tail, found := strings.Cut(name, "/"); found {
		k, ok := keys[head+"/"]
		return k, ok && tail != ""
	}
	k, ok := keys[name]
	return k, ok
}

// fits reports whether the key is about one of the actions.
func (k key) fits(set actionSet) bool {
	if k.on == "" {
		return true
	}
	for _, a := range strings.Fields(k.on) {
		if set["s3:"+a] {
			return true
		}
	}
	return false
}
