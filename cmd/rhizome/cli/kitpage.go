package cli

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"path/filepath"
	"strings"

	"rsc.io/qr"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

//go:embed kit.html
var kitTemplate string

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
		"QR": qrSVG(code), "Line": kitLine(k), "Others": otherDisks(k),
	})
	if err != nil {
		return nil, errs.Newf(errs.Internal, "the page cannot be made: %w", err)
	}
	return page.Bytes(), nil
}

// otherDisks are the disks outside the data folder, quoted for a shell.
func otherDisks(k api.Kit) (out []string) {
	for _, d := range k.Disks {
		if filepath.Dir(d) != k.Data {
			out = append(out, shellQuote(d))
		}
	}
	return out
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
