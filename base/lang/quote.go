package lang

import (
	"fmt"
	"strconv"
	"strings"
)

// quoting returns args so that %q puts a text between the language's quotation marks.
func (p Printer) quoting(args []any) []any {
	if p.l != French {
		return args
	}
	out := make([]any, len(args))
	for i, a := range args {
		if s, ok := a.(string); ok {
			a = guillemets(s)
		}
		out[i] = a
	}
	return out
}

// guillemets is a text that %q writes as « text », and any other verb as it is.
type guillemets string

// Format implements fmt.Formatter.
func (g guillemets) Format(f fmt.State, verb rune) {
	if verb != 'q' {
		_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), string(g)) // a State takes all
		return
	}
	inner := strconv.Quote(string(g)) // what cannot be printed is escaped
	inner = strings.ReplaceAll(inner[1:len(inner)-1], `\"`, `"`)
	_, _ = fmt.Fprintf(f, "«\u00a0%s\u00a0»", inner)
}
