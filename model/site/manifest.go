package site

import (
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"path"
	"slices"
	"sort"
	"strings"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/model/object"
)

// Limits of a deployment.
const (
	MaxFiles    = 50000
	MaxManifest = 16 << 20
	maxPath     = 1024
)

// Prefix is where deployments lie in their bucket. Nothing under it is served.
const Prefix = object.OwnPrefix + "site/"

// Hash is the SHA-256 of a file.
type Hash [sha256.Size]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash reads what String writes.
func ParseHash(s string) (h Hash, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || copy(h[:], b) != len(h) || len(b) != len(h) {
		return h, errs.Newf(errs.Invalid, "%q is no SHA-256", s)
	}
	return h, nil
}

// File is one file of a deployment.
type File struct {
	// Path is as in an object's key: no slash in front.
	Path string `cbor:"1,keyasint"`
	Hash Hash   `cbor:"2,keyasint"`
	Size int64  `cbor:"3,keyasint,omitempty"`
	// From is the deployment that brought the bytes. Since (Unix seconds) is when the first
	// deployment of those that are kept was begun in which the path had them: no other bytes
	// have the same one under that path.
	From  ident.ID `cbor:"4,keyasint"`
	Since int64    `cbor:"5,keyasint,omitempty"`
}

// Key is the object that has the file's bytes.
func (f *File) Key() string { return fileKey(f.From, f.Hash) }

func fileKey(from ident.ID, h Hash) string { return Prefix + from.String() + "/" + h.String() }

// Manifest is what a deployment is. Nobody changes one that was read.
type Manifest struct {
	// Files are in byte order of their paths.
	Files     []File     `cbor:"1,keyasint,omitempty"`
	Redirects []Redirect `cbor:"2,keyasint,omitempty"`
	Headers   []Headers  `cbor:"3,keyasint,omitempty"`
}

// checksumName is what object.Checksum calls a file's hash.
const checksumName = "SHA256"

// Vouched reports whether the checksum that an object was stored with says that its bytes are the
// file's: whoever stored it, it was held against the bytes then.
func (f *File) Vouched(h *object.Head) bool {
	c := h.Checksum
	return c.Algorithm == checksumName && !c.Composite && string(c.Sum) == string(f.Hash[:]) && h.Size == f.Size
}

// Find returns a file, nil if there is none.
func (m *Manifest) Find(p string) *File {
	i, ok := slices.BinarySearchFunc(m.Files, p, func(f File, p string) int { return strings.Compare(f.Path, p) })
	if !ok {
		return nil
	}
	return &m.Files[i]
}

// Below reports whether there are files in a folder, given with its slash.
func (m *Manifest) Below(dir string) bool {
	i, _ := slices.BinarySearchFunc(m.Files, dir, func(f File, p string) int { return strings.Compare(f.Path, p) })
	return i < len(m.Files) && strings.HasPrefix(m.Files[i].Path, dir)
}

// In lists what is in a folder, "" or with its slash, as a List with a slash as delimiter does:
// names after one, at most limit of them.
func (m *Manifest) In(dir, after string, limit int) *object.Listed {
	out := &object.Listed{}
	i, _ := slices.BinarySearchFunc(m.Files, max(dir, after), func(f File, p string) int { return strings.Compare(f.Path, p) })
	for i < len(m.Files) && strings.HasPrefix(m.Files[i].Path, dir) {
		f := &m.Files[i]
		name, step := f.Path, 1
		rest := f.Path[len(dir):]
		slash := strings.IndexByte(rest, '/')
		if slash >= 0 {
			name = f.Path[:len(dir)+slash+1]
			step = sort.Search(len(m.Files)-i, func(n int) bool { return !strings.HasPrefix(m.Files[i+n].Path, name) })
		}
		i += step
		switch {
		case name <= after:
			continue
		case len(out.Objects)+len(out.Prefixes) == limit:
			out.More = true
			return out
		case slash >= 0:
			out.Prefixes = append(out.Prefixes, name)
		default:
			out.Objects = append(out.Objects, object.Head{Key: f.Path, Size: f.Size, Modified: time.Unix(f.Since, 0)})
		}
		out.Next = name
	}
	return out
}

// Hashed reports whether the name of a path's last part has a hash of the file's bytes in it, as
// generators give them: letters and digits between dots, dashes or underscores, eight or more.
// Under such a path there never are other bytes.
func Hashed(p string) bool {
	parts := strings.FieldsFunc(path.Base(p), func(r rune) bool { return r == '.' || r == '-' || r == '_' })
	return slices.ContainsFunc(parts, func(s string) bool {
		digits := 0
		for i := range len(s) {
			if s[i] >= '0' && s[i] <= '9' {
				digits++
			}
		}
		return len(s) >= 8 && digits > 0 && digits < len(s) && isToken(s)
	})
}

// Weight is about what a manifest takes in memory, in bytes.
func (m *Manifest) Weight() int {
	n := 256 * (len(m.Redirects) + len(m.Headers))
	for i := range m.Files {
		n += 96 + len(m.Files[i].Path)
	}
	return n
}

func (m *Manifest) encode() ([]byte, Hash) {
	b := codec.Encode(m)
	return b, sha256.Sum256(b)
}

// decodeManifest reads a manifest whose hash is known.
func decodeManifest(b, hash []byte) (*Manifest, error) {
	sum := sha256.Sum256(b)
	if string(sum[:]) != string(hash) {
		return nil, errs.New(errs.Corrupt, "the manifest of a deployment is not the one that was stored: somebody changed what lies under "+Prefix)
	}
	m := new(Manifest)
	return m, codec.Decode(b, m)
}

// CheckPath refuses a path that no visitor could ask for.
func CheckPath(p string) error {
	if p == "" || len(p) > maxPath || strings.ContainsAny(p, "\\\x00") || path.Clean("/"+p) != "/"+p || strings.HasPrefix(p+"/", object.OwnPrefix) {
		return errs.Newf(errs.Invalid, "%q cannot be the path of a file of a site", p)
	}
	return nil
}

// TypeOf returns the type of a file by its name; files of text are UTF-8.
func TypeOf(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if t := types[ext]; t != "" {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}

// types are those of the web, whatever the machine says.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8", ".xhtml": "application/xhtml+xml",
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".json": "application/json", ".map": "application/json", ".jsonld": "application/ld+json", ".webmanifest": "application/manifest+json",
	".xml": "application/xml", ".rss": "application/rss+xml", ".atom": "application/atom+xml", ".txt": "text/plain; charset=utf-8",
	".md": "text/markdown; charset=utf-8", ".csv": "text/csv; charset=utf-8", ".ics": "text/calendar; charset=utf-8", ".vtt": "text/vtt; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
	".avif": "image/avif", ".ico": "image/vnd.microsoft.icon", ".bmp": "image/bmp", ".wasm": "application/wasm", ".pdf": "application/pdf",
	".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf", ".otf": "font/otf", ".eot": "application/vnd.ms-fontobject",
	".mp4": "video/mp4", ".webm": "video/webm", ".mov": "video/quicktime", ".ogv": "video/ogg", ".mp3": "audio/mpeg", ".ogg": "audio/ogg",
	".opus": "audio/ogg", ".wav": "audio/wav", ".flac": "audio/flac", ".m4a": "audio/mp4", ".zip": "application/zip", ".gz": "application/gzip",
	".tar": "application/x-tar", ".zst": "application/zstd", ".br": "application/octet-stream", ".epub": "application/epub+zip",
}
