package cli

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"

	"rsc.io/qr"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

//go:embed kit.html
var kitTemplate string

// kitMark begins the line that stands in a kit's QR code: the mark, the rhizome's ID,
// the node key's seed and the root key in hexadecimal capitals, apart by colons.
const kitMark = "RHIZOME1"

func kitLine(k api.Kit) string {
	return strings.ToUpper(strings.Join([]string{kitMark, k.Rhizome, k.NodeKey, k.RootKey}, ":"))
}

// parseKit takes the node key's seed and the root key from a kit's file or line.
func parseKit(raw []byte) (seed, root []byte, err error) {
	var k api.Kit
	if fields := strings.Split(strings.TrimSpace(string(raw)), ":"); fields[0] == kitMark && len(fields) == 4 {
		k = api.Kit{Format: 1, NodeKey: fields[2], RootKey: fields[3]}
	} else if err := json.Unmarshal(raw, &k); err != nil || k.Format == 0 {
		return nil, nil, errs.New(errs.Invalid, "this is not a recovery kit")
	}
	if k.Format != 1 {
		return nil, nil, errs.New(errs.Invalid, "this recovery kit was made by a newer version of the program")
	}
	seed, err1 := hex.DecodeString(k.NodeKey)
	root, err2 := hex.DecodeString(k.RootKey)
	if err1 != nil || err2 != nil || len(seed) != 32 || len(root) != 32 {
		return nil, nil, errs.New(errs.Invalid, "the keys in this recovery kit are damaged: each has 64 hexadecimal digits")
	}
	return seed, root, nil
}

// kitPage is the kit as a page to print.
func (a *App) kitPage(k api.Kit) ([]byte, error) {
	code, err := qr.Encode(kitLine(k), qr.M)
	if err != nil {
		return nil, errs.Newf(errs.Internal, "the QR code cannot be made: %w", err)
	}
	t, err := template.New("kit").Funcs(template.FuncMap{"say": a.Say.T}).Parse(kitTemplate)
	if err != nil {
		return nil, errs.Newf(errs.Internal, "the page cannot be made: %w", err)
	}
	var page bytes.Buffer
	err = t.Execute(&page, map[string]any{
		"Lang": string(a.Say.Language()), "Kit": k, "Made": a.Say.Time(k.Made, a.Zone),
		"QR": qrSVG(code), "Line": kitLine(k),
	})
	if err != nil {
		return nil, errs.Newf(errs.Internal, "the page cannot be made: %w", err)
	}
	return page.Bytes(), nil
}

// qrSVG draws a code with its quiet zone of four modules.
func qrSVG(c *qr.Code) template.HTML {
	var path strings.Builder
	for y := range c.Size {
		for x := range c.Size {
			if c.Black(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+4, y+4)
			}
		}
	}
	side := c.Size + 8
	return template.HTML(fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges" role="img"><rect width="%d" height="%d" fill="#fff"/><path d="%s" fill="#000"/></svg>`,
		side, side, side, side, path.String()))
}

// fileName keeps letters, digits, - and _ of a name.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, name)
}

// shellQuote writes a word for a POSIX shell.
func shellQuote(s string) string {
	plain := !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@", r)
	})
	if plain && s != "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
