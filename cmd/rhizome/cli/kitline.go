package cli

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode"

	"github.com/zeebo/blake3"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/gateway/admin/api"
	"rhizome/node"
)

// kitMark begins the line that stands in a kit's QR code: the mark, the rhizome's ID,
// the node key's seed, the root key and the check in hexadecimal capitals, apart by
// colons. The check is the first four bytes of BLAKE3 of all before its colon: a slip in
// typing is found before it does harm. Case and white space do not count.
const kitMark = "RHIZOME1"

func kitLine(k api.Kit) string {
	body := strings.ToUpper(strings.Join([]string{kitMark, k.Rhizome, k.NodeKey, k.RootKey}, ":"))
	return body + ":" + kitCheck(body)
}

func kitCheck(body string) string {
	sum := blake3.Sum256([]byte(body))
	return strings.ToUpper(hex.EncodeToString(sum[:4]))
}

// kitFields groups a line as people copy it: without case and white space.
func kitFields(raw []byte) []string {
	line := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, string(raw))
	return strings.Split(line, ":")
}

// kitOnPage returns the line of a page that this program made, and all of anything else.
func kitOnPage(raw []byte) []byte {
	_, after, found := bytes.Cut(raw, []byte("<code>"+kitMark))
	if line, _, ended := bytes.Cut(after, []byte("<")); found && ended {
		return append([]byte(kitMark), line...)
	}
	return raw
}

// parseKit takes the keys from a kit's file, page or line.
func parseKit(raw []byte) (node.Kit, api.Kit, error) {
	var k api.Kit
	raw = kitOnPage(raw)
	if f := kitFields(raw); f[0] == kitMark {
		if len(f) != 5 || kitCheck(strings.Join(f[:4], ":")) != f[4] {
			return node.Kit{}, k, errs.New(errs.Invalid, "this line is not as it was printed: a letter is wrong, missing or too many. Compare it with the page, or scan the code")
		}
		k = api.Kit{Format: 1, Rhizome: strings.ToLower(f[1]), NodeKey: f[2], RootKey: f[3]}
	} else if err := json.Unmarshal(raw, &k); err != nil || k.Format == 0 {
		return node.Kit{}, k, errs.New(errs.Invalid, "this is not a recovery kit: FILE is one of the two that rhizome recovery-kit made, or a text file with the line under the QR code")
	}
	if k.Format != 1 {
		return node.Kit{}, k, errs.New(errs.Invalid, "this recovery kit was made by a newer version of the program")
	}
	out, err := kitKeys(k)
	return out, k, err
}

func kitKeys(k api.Kit) (node.Kit, error) {
	seed, err1 := hex.DecodeString(k.NodeKey)
	root, err2 := hex.DecodeString(k.RootKey)
	if err1 != nil || err2 != nil || len(seed) != 32 || len(root) != 32 {
		return node.Kit{}, errs.New(errs.Invalid, "the keys in this recovery kit are damaged: each has 64 hexadecimal digits")
	}
	out := node.Kit{Seed: ident.Secret(seed), Root: ident.Secret(root)}
	if k.Node != "" && k.Node != node.NodeOf(out.Seed).String() {
		return node.Kit{}, errs.New(errs.Invalid, "the node key in this recovery kit is damaged: it is not that of the node that the kit names")
	}
	if k.Rhizome != "" {
		var err error
		if out.Rhizome, err = ident.Parse(k.Rhizome); err != nil {
			return node.Kit{}, errs.Newf(errs.Invalid, "the rhizome's ID in this recovery kit is damaged: %w", err)
		}
	}
	return out, nil
}
