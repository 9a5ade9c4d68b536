package s3

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"rhizome/base/errs"
	"rhizome/gateway/s3/s3err"
	"rhizome/model/inventory"
	"rhizome/model/object"
)

const (
	inventoryRoot  = "InventoryConfiguration"
	maxInventories = 1000 // as AWS has it, if the bucket's settings have room
	maxInventoryID = 64
	// inventoryPage is how many configurations a list shows at once.
	inventoryPage = 100
)

func inventoryRoutes() []route {
	const get, put, del = http.MethodGet, http.MethodPut, http.MethodDelete
	return []route{
		{Scope: bucket, Method: get, Sub: "inventory", Action: "GetBucketInventoryConfiguration", Need: known, IAM: []string{"s3:GetInventoryConfiguration"}, serve: getInventory},
		{Scope: bucket, Method: get, Sub: "inventory", Action: "ListBucketInventoryConfigurations", Need: known, IAM: []string{"s3:GetInventoryConfiguration"}, serve: getInventory},
		{Scope: bucket, Method: put, Sub: "inventory", Action: "PutBucketInventoryConfiguration", Partly: "CSV; not ORC and Parquet, nor SSE-KMS; optional fields: " + strings.Join(inventory.Fields(), ", "), Need: owns,
			IAM: []string{"s3:PutInventoryConfiguration"}, Changes: true, Params: []string{"id"}, serve: putInventory},
		{Scope: bucket, Method: del, Sub: "inventory", Action: "DeleteBucketInventoryConfiguration", Need: owns, IAM: []string{"s3:PutInventoryConfiguration"}, Changes: true, Params: []string{"id"}, serve: deleteInventory},
	}
}

// getInventory answers with one configuration, or without an id with all.
func getInventory(q *request) error {
	if !q.query.has("id") {
		return listInventories(q)
	}
	i := inventoryIndex(q.bucket.Settings.Inventory, q.query.get("id"))
	if i < 0 {
		return s3err.New(s3err.NoSuchConfiguration)
	}
	d := newDoc(inventoryRoot)
	d.inventory(&q.bucket.Settings.Inventory[i])
	return q.xml(http.StatusOK, d, inventoryRoot)
}

func listInventories(q *request) error {
	all := slices.Clone(q.bucket.Settings.Inventory)
	slices.SortFunc(all, func(a, b object.Inventory) int { return strings.Compare(a.ID, b.ID) })
	after := q.query.get("continuation-token")
	all = slices.DeleteFunc(all, func(c object.Inventory) bool { return c.ID <= after && after != "" })
	const root = "ListInventoryConfigurationsResult"
	d := newDoc(root)
	d.some("ContinuationToken", after)
	for i := range all[:min(inventoryPage, len(all))] {
		d.begin(inventoryRoot)
		d.inventory(&all[i])
		d.end(inventoryRoot)
	}
	more := len(all) > inventoryPage
	d.bool("IsTruncated", more)
	if more {
		d.text("NextContinuationToken", all[inventoryPage-1].ID)
	}
	return q.xml(http.StatusOK, d, root)
}

func inventoryIndex(list []object.Inventory, id string) int {
	return slices.IndexFunc(list, func(c object.Inventory) bool { return c.ID == id })
}

const bucketARN = "arn:aws:s3:::"

func (d *doc) inventory(c *object.Inventory) {
	d.begin("Destination")
	d.begin("S3BucketDestination")
	d.some("AccountId", c.Account)
	d.text("Bucket", bucketARN+c.To.Name)
	d.text("Format", "CSV")
	d.some("Prefix", c.To.Prefix)
	if c.Encrypted {
		d.begin("Encryption")
		d.text("SSE-S3", "")
		d.end("Encryption")
	}
	d.end("S3BucketDestination")
	d.end("Destination")
	d.bool("IsEnabled", !c.Off)
	if c.Prefix != "" {
		d.begin("Filter")
		d.text("Prefix", c.Prefix)
		d.end("Filter")
	}
	d.text("Id", c.ID)
	d.text("IncludedObjectVersions", map[bool]string{true: "All", false: "Current"}[c.Versions])
	if len(c.Fields) > 0 {
		d.begin("OptionalFields")
		for _, f := range c.Fields {
			d.text("Field", f)
		}
		d.end("OptionalFields")
	}
	d.begin("Schedule")
	d.text("Frequency", map[bool]string{true: "Weekly", false: "Daily"}[c.Weekly])
	d.end("Schedule")
}

func putInventory(q *request) error {
	body, err := q.document(maxSettings, false)
	if err != nil {
		return err
	}
	root, err := parseXML(body, inventoryRoot)
	if err != nil {
		return err
	}
	c, err := readInventory(root)
	if err != nil {
		return err
	}
	if id := q.query.get("id"); id != c.ID {
		return s3err.Argument("id", id, "The id in the request is not that of the configuration.")
	}
	if err := q.mayList(&c); err != nil {
		return err
	}
	return q.change(http.StatusNoContent, func(s *object.Settings) error {
		list := slices.Clone(s.Inventory)
		if i := inventoryIndex(list, c.ID); i >= 0 {
			list[i] = c
		} else if list = append(list, c); len(list) > maxInventories {
			return s3err.New(s3err.TooManyConfigurations)
		}
		s.Inventory = list
		return nil
	})
}

// mayList finds the destination and refuses one that could not be written to.
func (q *request) mayList(c *object.Inventory) error {
	to, err := q.lookup(c.To.Name)
	if translated(err) == s3err.NoSuchBucket {
		return s3err.New(s3err.InvalidS3DestinationBucket).Because(err)
	}
	if err != nil {
		return err
	}
	c.To.Bucket = to.ID
	err = q.g.MayDeliver(q.ctx, inventory.Service, q.bucket, to, c.To, inventory.Folder(c, q.bucketName)+"data/")
	if err != nil && errs.KindOf(err) == errs.Denied {
		return s3err.Newf(s3err.AccessDenied, "Access Denied: the destination is another's, and its policy does not let s3.amazonaws.com put objects there, or denies it.").Because(err)
	}
	return err
}

func deleteInventory(q *request) error {
	id := q.query.get("id")
	if inventoryIndex(q.bucket.Settings.Inventory, id) < 0 {
		return s3err.New(s3err.NoSuchConfiguration)
	}
	return q.change(http.StatusNoContent, func(s *object.Settings) error {
		s.Inventory = slices.DeleteFunc(slices.Clone(s.Inventory), func(c object.Inventory) bool { return c.ID == id })
		return nil
	})
}

// readInventory reads a configuration.
func readInventory(root *node) (c object.Inventory, err error) {
	had := map[string]bool{}
	for _, k := range root.kids {
		if had[k.name] {
			return c, malformed(nil)
		}
		had[k.name] = true
		if err := readInventoryPart(&c, k); err != nil {
			return c, err
		}
	}
	for _, name := range []string{"Destination", "IsEnabled", "Id", "IncludedObjectVersions", "Schedule"} {
		if !had[name] {
			return c, malformed(nil)
		}
	}
	return c, nil
}

func readInventoryPart(c *object.Inventory, k *node) error {
	text := strings.TrimSpace(k.text)
	switch k.name {
	case "Destination":
		if len(k.kids) != 1 || k.kids[0].name != "S3BucketDestination" {
			return malformed(nil)
		}
		return readDestination(c, k.kids[0])
	case "IsEnabled":
		if c.Off = text == "false"; !c.Off && text != "true" {
			return malformed(nil)
		}
	case "Filter":
		if len(k.kids) != 1 || k.kids[0].name != "Prefix" || checkPrefix(k.kids[0]) != nil {
			return malformed(nil)
		}
		c.Prefix = k.kids[0].text
	case "Id":
		if c.ID = text; !goodInventoryID(text) {
			return s3err.Argument("Id", text, "Invalid inventory ID: it has up to 64 letters, digits, dots, dashes and underscores.")
		}
	case "IncludedObjectVersions":
		if c.Versions = text == "All"; !c.Versions && text != "Current" {
			return malformed(nil)
		}
	case "OptionalFields":
		return readInventoryFields(c, k)
	case "Schedule":
		f, _ := k.child("Frequency")
		if c.Weekly = strings.TrimSpace(f) == "Weekly"; !c.Weekly && strings.TrimSpace(f) != "Daily" || len(k.kids) != 1 {
			return malformed(nil)
		}
	default:
		return malformed(nil)
	}
	return nil
}

func goodInventoryID(id string) bool {
	return id != "" && len(id) <= maxInventoryID && strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == "" && strings.Trim(id, ".") != ""
}

func readInventoryFields(c *object.Inventory, n *node) error {
	c.Fields = nil
	for _, k := range n.kids {
		f := strings.TrimSpace(k.text)
		switch {
		case k.name != "Field", slices.Contains(c.Fields, f):
			return malformed(nil)
		case slices.Contains(inventory.Fields(), f):
			c.Fields = append(c.Fields, f)
		case slices.Contains(fieldsNotHere(), f):
			return notImplemented("The inventory field " + f + " is not implemented: there is nothing here that it could say.")
		default:
			return malformed(nil)
		}
	}
	return nil
}

// fieldsNotHere are those of S3 that say nothing of objects here.
func fieldsNotHere() []string {
	return []string{"ReplicationStatus", "IntelligentTieringAccessTier", "ObjectAccessControlList", "LifecycleExpirationDate"}
}

func readDestination(c *object.Inventory, n *node) error {
	had := map[string]bool{}
	for _, k := range n.kids {
		text := strings.TrimSpace(k.text)
		if had[k.name] {
			return malformed(nil)
		}
		had[k.name] = true
		switch k.name {
		case "AccountId":
			if c.Account = text; len(text) > 64 || !utf8.ValidString(text) {
				return malformed(nil)
			}
		case "Bucket":
			name, ok := strings.CutPrefix(text, bucketARN)
			if c.To.Name = name; !ok || object.CheckBucketName(name) != nil {
				return s3err.New(s3err.InvalidS3DestinationBucket)
			}
		case "Format":
			if err := readFormat(text); err != nil {
				return err
			}
		case "Prefix":
			if c.To.Prefix = k.text; checkPrefix(k) != nil || len(k.text) > object.MaxKey/2 || climbs(k.text) {
				return s3err.Argument("Prefix", k.text, "Invalid destination prefix.")
			}
		case "Encryption":
			if len(k.kids) != 1 || k.kids[0].name != "SSE-S3" && k.kids[0].name != "SSE-KMS" {
				return malformed(nil)
			}
			if k.kids[0].name == "SSE-KMS" {
				return notImplemented("SSE-KMS is not implemented.")
			}
			c.Encrypted = true
		default:
			return malformed(nil)
		}
	}
	if !had["Bucket"] || !had["Format"] {
		return malformed(nil)
	}
	return nil
}

func readFormat(text string) error {
	switch text {
	case "CSV":
		return nil
	case "ORC", "Parquet":
		return notImplemented("The inventory format " + text + " is not implemented; CSV is.")
	}
	return malformed(nil)
}
