// Package account keeps members and their S3 keys as registers.
//
//	table     partition key    sort key         value
//	Keys      "k" + shard      access key ID    keyRecord
//	Members   "m" + shard      member ID        memberRecord
//
// A shard is one byte: a hash of the sort key, modulo 16. Secrets are sealed under the
// rhizome's root key (AES-256-GCM, the access key ID as associated data), so that rows,
// snapshots and disks hold none in clear. IDs are unique; names of keys and of members
// are for people and need not be.
package account
