package api

import "time"

// Site is GET /v1/sites/{site}: {site} is one of its names, or its bucket's name.
type Site struct {
	Bucket string `json:"bucket"`
	// Owner is the key to which the bucket belongs that was just made for the site.
	Owner string     `json:"owner,omitempty"`
	Names []SiteName `json:"names"`
	// URLs lead to it on this node, or would if its names did.
	URLs  []string `json:"urls"`
	Index string   `json:"index"`
	Error string   `json:"error"`
	// RedirectTo is where all visitors are sent, "" for nowhere; Rules is the number of S3's
	// routing rules.
	RedirectTo string `json:"redirect_to,omitempty"`
	Rules      int    `json:"rules"`
	Listing    bool   `json:"listing"`
	Stale      bool   `json:"stale_ok"`
	Neighbours bool   `json:"precompressed"`
	Password   bool   `json:"password"`
	// Current is the deployment that is served, "" for the bucket's own objects.
	Current     string       `json:"current"`
	Deployments []Deployment `json:"deployments"`
	Keep        int          `json:"keep"`
	Underway    int          `json:"under_way"`
}

// SiteName is a name that leads to a site, or only on to another name.
type SiteName struct {
	Name string `json:"name"`
	To   string `json:"to,omitempty"`
}

// Deployment is one that a site keeps.
type Deployment struct {
	ID      string    `json:"id"`
	Made    time.Time `json:"made"`
	Files   int       `json:"files"`
	Bytes   int64     `json:"bytes"`
	Current bool      `json:"current"`
}

// NewSite is POST /v1/sites. Without Bucket it is the one called as the site, which is made
// if need be.
type NewSite struct {
	Name   string `json:"name"`
	Bucket string `json:"bucket,omitempty"`
	// Key is to own the bucket that is made for the site; "" leaves the choice.
	Key      string `json:"key,omitempty"`
	Together string `json:"together,omitempty"`
	SetSite
}

// How a name is taken together with its companion, which is www.NAME or the bare one.
const (
	TogetherRedirect = ""      // the companion leads on to the name
	TogetherBoth     = "both"  // both serve the site
	TogetherAlone    = "alone" // the name alone is taken
)

// NewSiteName is POST /v1/sites/{site}/names; with Move the name is taken from another site.
type NewSiteName struct {
	Name     string `json:"name"`
	Together string `json:"together,omitempty"`
	Move     bool   `json:"move,omitempty"`
}

// SetSite is PUT /v1/sites/{site}: what is nil stays. An empty Password takes it away.
type SetSite struct {
	Index      *string `json:"index,omitempty"`
	Error      *string `json:"error,omitempty"`
	Listing    *bool   `json:"listing,omitempty"`
	Stale      *bool   `json:"stale_ok,omitempty"`
	Neighbours *bool   `json:"precompressed,omitempty"`
	Password   *string `json:"password,omitempty"`
	Keep       *int    `json:"keep,omitempty"`
}

// Rollback is POST /v1/sites/{site}/rollback: to a deployment, by the beginning of its ID; to
// the one before, if ID is empty; to the bucket's own objects, if Plain.
type Rollback struct {
	ID    string `json:"id,omitempty"`
	Plain bool   `json:"plain,omitempty"`
}

// NewDeployment is POST /v1/sites/{site}/deployments. Redirects and Headers are the texts of
// the files _redirects and _headers.
type NewDeployment struct {
	Files     []DeployFile `json:"files"`
	Redirects string       `json:"redirects,omitempty"`
	Headers   string       `json:"headers,omitempty"`
}

// DeployFile is a file of a deployment; Hash is its SHA-256, hexadecimal.
type DeployFile struct {
	Path string `json:"path"`
	Hash string `json:"hash"`
	Size int64  `json:"size"`
}

// BegunDeployment answers it: the hashes of the files whose bytes are to be sent, each with PUT
// /v1/sites/{site}/deployments/{id}/files/{hash}. POST .../{id}/finish ends it, DELETE gives it
// up.
type BegunDeployment struct {
	ID      string   `json:"id"`
	Missing []string `json:"missing"`
}

// Deployed is what became of a deployment.
type Deployed struct {
	ID    string   `json:"id"`
	Files int      `json:"files"`
	Bytes int64    `json:"bytes"`
	Sent  int      `json:"sent"` // files
	URLs  []string `json:"urls"`
}

// SiteDay is one of GET /v1/sites/{site}/stats.
type SiteDay struct {
	Day     string `json:"day"`
	Hits    int64  `json:"hits"`
	Missing int64  `json:"not_found"`
	Bytes   int64  `json:"bytes"`
}
