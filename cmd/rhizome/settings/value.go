package settings

import (
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"rhizome/base/errs"
)

// check returns the text in the form that is kept, or says what is wrong with it.
func (s Setting) check(text string) (string, error) {
	switch s.Form {
	case Path:
		if text == "" {
			return "", nil
		}
		abs, err := filepath.Abs(text)
		if err != nil {
			return "", errs.Newf(errs.Invalid, "%q is no path: %w", text, err)
		}
		return abs, nil
	case Address:
		return text, checkAddress(text)
	case Name:
		return strings.ToLower(text), checkName(text)
	case Size:
		_, err := ParseSize(text)
		return text, err
	case Days:
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 3650 {
			return "", errs.Newf(errs.Invalid, "%q is not a number of days from 1 to 3650", text)
		}
	case Choice:
		if !slices.Contains(s.Choices, text) {
			return "", errs.Newf(errs.Invalid, "%q is not one of: %s", text, strings.Join(s.Choices, ", "))
		}
	case Text:
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(text) > 128 {
			return "", errs.Newf(errs.Invalid, "%q is too long or holds control characters", text)
		}
	}
	return text, nil
}

func checkAddress(text string) error {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return errs.Newf(errs.Invalid, "%q is no address: write host:port, such as 127.0.0.1:3900", text)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return errs.Newf(errs.Invalid, "%q is no port: a number from 0 to 65535 is needed", port)
	}
	return nil
}

func checkName(text string) error {
	for _, label := range strings.Split(strings.ToLower(text), ".") {
		bad := strings.ContainsFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
		})
		if label == "" || len(label) > 63 || bad {
			return errs.Newf(errs.Invalid, "%q is no domain name: write it as in s3.example.org", text)
		}
	}
	return nil
}

var units = map[string]int64{
	"": 1, "b": 1, "o": 1,
	"k": 1e3, "kb": 1e3, "ko": 1e3, "kib": 1 << 10, "kio": 1 << 10,
	"m": 1e6, "mb": 1e6, "mo": 1e6, "mib": 1 << 20, "mio": 1 << 20,
	"g": 1e9, "gb": 1e9, "go": 1e9, "gib": 1 << 30, "gio": 1 << 30,
	"t": 1e12, "tb": 1e12, "to": 1e12, "tib": 1 << 40, "tio": 1 << 40,
	"p": 1e15, "pb": 1e15, "po": 1e15, "pib": 1 << 50, "pio": 1 << 50,
}

// ParseSize reads a size in bytes: digits, perhaps a fraction, and a unit of B, kB,
// MB, GB, TB, PB (powers of 1000), KiB to PiB (powers of 1024); French o works as B.
func ParseSize(text string) (int64, error) {
	t := strings.TrimSpace(text)
	end := strings.IndexFunc(t, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != ',' })
	if end < 0 {
		end = len(t)
	}
	unit, known := units[strings.ToLower(strings.TrimSpace(t[end:]))]
	number, err := strconv.ParseFloat(strings.Replace(t[:end], ",", ".", 1), 64)
	if !known || err != nil || number*float64(unit) >= 1<<62 {
		return 0, errs.Newf(errs.Invalid, "%q is no size: write it as 500GB or 2TiB", text)
	}
	return int64(number * float64(unit)), nil
}
