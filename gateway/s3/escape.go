package s3

import "unicode/utf8"

// appendEscaped appends s as XML text. Characters that XML 1.0 has no way to carry
// become character references all the same, as AWS sends them: a client that meets
// such keys asks for encoding-type=url.
func appendEscaped(b []byte, s string) []byte {
	last := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if e := xmlEscape[c]; e != "" {
				b = append(append(b, s[last:i]...), e...)
				last = i + 1
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == 0xFFFE || r == 0xFFFF || r == utf8.RuneError && n == 1 {
			b = append(append(b, s[last:i]...), escapeRune(r)...)
			last = i + n
		}
		i += n
	}
	return append(b, s[last:]...)
}

func escapeRune(r rune) string {
	switch r {
	case 0xFFFE:
		return "&#xfffe;"
	case 0xFFFF:
		return "&#xffff;"
	}
	return string(utf8.RuneError)
}

const hexDigits = "0123456789abcdef"

// xmlEscape holds what replaces an ASCII character, "" for itself. Never changed.
var xmlEscape = func() (t [utf8.RuneSelf]string) {
	for c := range 0x20 {
		if c < 0x10 {
			t[c] = "&#x" + hexDigits[c:c+1] + ";"
		} else {
			t[c] = "&#x1" + hexDigits[c-0x10:c-0xF] + ";"
		}
	}
	t['\t'], t['\n'] = "", ""
	t['<'], t['>'], t['&'], t['"'], t['\''] = "&lt;", "&gt;", "&amp;", "&quot;", "&apos;"
	return t
}()

// urlEncode encodes s as encoding-type=url asks: everything but letters, digits
// and -_.*/ as %XX. Space is %20, which every decoder reads alike.
func urlEncode(s string) string {
	plain := 0
	for plain < len(s) && unreserved(s[plain]) {
		plain++
	}
	if plain == len(s) {
		return s
	}
	b := append(make([]byte, 0, len(s)+16), s[:plain]...)
	for i := plain; i < len(s); i++ {
		if c := s[i]; unreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

const upperHex = "0123456789ABCDEF"

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '*' || c == '/'
}
