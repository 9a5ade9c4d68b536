// Package policy is the language of bucket policies: AWS's JSON, as far as it means
// something here, and the one function that decides by it.
//
// Parse takes a policy or says what in it is not understood: an element, action, key,
// operator or value that this package does not know is refused, never passed over. A
// Policy never changes. Decide is pure: request, policy, the grants of the permission
// model and the public access block go in, allowed or not and why comes out.
//
// Principals. "*" and {"AWS": "*"} are everybody, with a key or without. Else a
// principal is a key or a member of this rhizome, written as
//
//	arn:aws:iam::MEMBER:user/NAME   a key by its access key ID or name, or a member's keys by the member's name or ID
//	arn:aws:iam::MEMBER:root        all keys of a member
//	NAME                            an access key ID or a member's ID, without the rest
//	{"CanonicalUser": "ID"}         all keys of the member with this ID
//	{"Service": "NAME"}             one of Services, which writes reports
//
// where MEMBER is empty, a member's ID or name, or the 12 digits of an AWS account, which
// say nothing here. Names are looked up once, when the policy is put (Where.Resolve): who
// is called so later gains nothing by it.
//
// Resources name the bucket as it was called when the policy was put (Where.Bucket); the
// policy holds under all its names.
//
// Variables and keys of the caller: aws:username is the access key ID, which nobody can
// choose to be another's; aws:userid and aws:PrincipalAccount are the member's ID;
// aws:PrincipalArn is arn:aws:iam::MEMBER-ID:user/KEY-ID. An Allow statement with a
// variable that has no value does not apply; in a Deny statement the text with it matches
// nothing. Text put in for a variable has no wildcards.
//
// Sources: "Grammar of the IAM JSON policy language", "IAM JSON policy elements",
// "Policy evaluation logic", IAM User Guide; "Bucket policies", "Blocking public access"
// and "Actions, resources, and condition keys for Amazon S3", as of November 2026.
package policy
