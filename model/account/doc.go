// Package account keeps members and their S3 keys as registers.
//
// Table Keys: partition key = access key ID, sort key empty. Secrets are sealed
// under the rhizome's root key (AES-256-GCM, the access key ID as associated
// data), so that rows, snapshots and disks hold none in clear. Names are registers
// too, so they are unique.
package account
