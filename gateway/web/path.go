package web

import (
	"path"
	"strings"
	"unicode/utf8"

	"rhizome/model/object"
	"rhizome/model/site"
)

// keyOf returns the key that a path stands for, which may end with a slash; ok is false for
// a path that leads nowhere.
func keyOf(p string) (key string, ok bool) {
	if !strings.HasPrefix(p, "/") {
		return "", false
	}
	key = p[1:]
	if len(key) > maxKey || !utf8.ValidString(key) || strings.ContainsRune(key, '\\') {
		return "", false
	}
	for i := range len(key) {
		if key[i] < ' ' || key[i] == 0x7f {
			return "", false
		}
	}
	folder := strings.TrimSuffix(key, "/")
	if folder == "" {
		return key, key == ""
	}
	if path.Clean("/"+folder) != "/"+folder || strings.HasPrefix(key+"/", object.OwnPrefix) {
		return "", false
	}
	return key, true
}

// index returns the key of a folder's index.
func indexOf(folder, index string) string {
	if folder == "" || strings.HasSuffix(folder, "/") {
		return folder + index
	}
	return folder + "/" + index
}

// mayBeFolder reports whether a key without slash looks like a folder's name rather than a
// file's, whose index is not looked for: most of what strangers try is named like files.
func mayBeFolder(key string) bool {
	return path.Ext(key) == "" || site.TypeOf(key) == "application/octet-stream"
}
