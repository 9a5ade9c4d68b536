package settings

import (
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

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
		if text == "" && s.Default == "" {
			return "", nil
		}
		return text, checkAddress(text)
	case Place:
		return text, checkPlace(text)
	case Name:
		return strings.ToLower(text), checkName(text)
	case Size:
		n, err := ParseSize(text)
		if err == nil && n > 0 && n < s.Least {
			err = errs.Newf(errs.Invalid, "%q is too small: at least %d MB are needed, or 0 for no limit", text, s.Least/1_000_000)
		}
		return text, err
	case Age:
		_, err := ParseTime(text)
		return text, err
	case Choice:
		if !slices.Contains(s.Choices, text) {
			return "", errs.Newf(errs.Invalid, "%q is not one of: %s", text, strings.Join(s.Choices, ", "))
		}
	case Switch:
		return checkSwitch(text)
	case Secret:
		return checkSecret(text)
	case Hook:
		return checkHook(text)
	case Line:
		return checkLine(text)
	case Text:
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(text) > 128 {
			return "", errs.Newf(errs.Invalid, "%q is too long or holds control characters", text)
		}
	}
	return text, nil
}

func checkSwitch(text string) (string, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1", "oui":
		return "true", nil
	case "false", "no", "off", "0", "non":
		return "false", nil
	}
	return "", errs.Newf(errs.Invalid, "%q is neither true nor false", text)
}

// maxSecret is the most bytes of a Secret.
const maxSecret = 8 << 10

// checkSecret takes the blanks off a secret; what is wrong is said without it.
func checkSecret(text string) (string, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxSecret || strings.ContainsFunc(text, func(r rune) bool { return r < '!' || r > '~' }) {
		return "", errs.New(errs.Invalid, "this is too long or holds more than letters and digits")
	}
	return text, nil
}

// checkHook checks a web address, and says what is wrong without it.
func checkHook(text string) (string, error) {
	text, err := checkSecret(text)
	if err != nil || text == "" {
		return text, err
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", errs.New(errs.Invalid, "this is no web address: write it as https://example.org/path")
	}
	return text, nil
}

// maxLine is the most bytes of a Line.
const maxLine = 4 << 10

func checkLine(text string) (string, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxLine || strings.ContainsAny(text, "\x00\n\r") {
		return "", errs.New(errs.Invalid, "a command is one line of at most 4 KiB")
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

// checkPlace checks HOST or HOST:PORT.
func checkPlace(text string) error {
	host := strings.Trim(text, "[]")
	if h, port, err := net.SplitHostPort(text); err == nil {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return errs.Newf(errs.Invalid, "%q is no port: a number from 1 to 65535 is needed", port)
		}
		host = h
	}
	if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
		return nil
	}
	if !strings.Contains(host, ".") || checkName(host) != nil || net.ParseIP(host) != nil {
		return errs.Newf(errs.Invalid, "%q is no address that others can call: write a name or an IP address, such as garden.example.org or 203.0.113.7:3901", text)
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
	n := int64(number * float64(unit))
	if n == 0 && number > 0 {
		// 0 means something else: no limit.
		return 0, errs.Newf(errs.Invalid, "%q is less than one byte: write it as 500GB or 2TiB", text)
	}
	return n, nil
}

// maxTime is the longest time that a setting may be.
const maxTime = 3650 * 24 * time.Hour

// ParseTime reads a time: a whole number and one of s, m, h, d (French j) or w; a bare
// number is days. It is from one second to 3,650 days.
func ParseTime(text string) (time.Duration, error) {
	day := 24 * time.Hour
	units := map[string]time.Duration{"": day, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": day, "j": day, "w": 7 * day}
	t := strings.TrimSpace(text)
	digits := strings.TrimRight(t, "smhdjw")
	unit, known := units[t[len(digits):]]
	n, err := strconv.ParseInt(digits, 10, 32)
	if !known || err != nil || n < 1 || n > int64(maxTime/unit) {
		return 0, errs.Newf(errs.Invalid, "%q is no time: write it as 30m, 2h or 7d", text)
	}
	return time.Duration(n) * unit, nil
}
