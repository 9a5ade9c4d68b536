package api

import "time"

// Inventory is a list of a bucket that is written into another one.
type Inventory struct {
	ID     string `json:"id"`
	To     string `json:"to"`
	Prefix string `json:"prefix,omitempty"` // in the destination
	Only   string `json:"only,omitempty"`   // the prefix of the keys that it lists
	Weekly bool   `json:"weekly"`
	// Versions: all of them are listed, not only the current ones.
	Versions bool     `json:"versions"`
	Off      bool     `json:"off,omitempty"`
	Fields   []string `json:"fields,omitempty"`
	// Began is when the run that is under way began, nil if none is; Listed and Files are its.
	Began  *time.Time `json:"began,omitempty"`
	Listed int64      `json:"listed,omitempty"`
	Files  int64      `json:"files,omitempty"`
	// Done is when the last whole one began, nil if there is none; Count is what it listed.
	Done  *time.Time `json:"done,omitempty"`
	Count int64      `json:"count"`
	// Reason is why the last step of the node that is asked failed.
	Reason string `json:"reason,omitempty"`
}

// SetInventory is PUT /v1/buckets/{bucket}/inventory/{id}; the fields are all that there are.
// The answer is the Inventory.
type SetInventory struct {
	To       string `json:"to"`
	Prefix   string `json:"prefix,omitempty"`
	Only     string `json:"only,omitempty"`
	Weekly   bool   `json:"weekly,omitempty"`
	Versions bool   `json:"versions,omitempty"`
}
