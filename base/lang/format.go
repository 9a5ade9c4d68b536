package lang

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Int writes n with its thousands apart: 12,345 or 12 345.
func (p Printer) Int(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	sep := ","
	if p.l == French {
		sep = "\u202f"
	}
	var out []string
	for len(s) > 3 {
		out = append([]string{s[len(s)-3:]}, out...)
		s = s[:len(s)-3]
	}
	return sign + strings.Join(append([]string{s}, out...), sep)
}

// Bytes writes a size in decimal units with three digits: 1.50 GB, 1,50 Go.
func (p Printer) Bytes(n int64) string {
	unit, units := "B", " kMGTPE"
	if p.l == French {
		unit = "o"
	}
	v, i := float64(n), 0
	for v >= 999.5 && i < len(units)-1 {
		v /= 1000
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%d\u00a0%s", n, unit)
	}
	digits := 2
	if v >= 99.95 {
		digits = 0
	} else if v >= 9.995 {
		digits = 1
	}
	return p.Decimal(v, digits) + "\u00a0" + units[i:i+1] + unit
}

// Decimal writes a number with so many digits behind the point: 5.9, 5,9.
func (p Printer) Decimal(v float64, digits int) string {
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if p.l == French {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s
}

// Size is a number of bytes among the arguments of an error, under the verb %s: Error
// says it as Bytes does.
type Size int64

// String writes it in English.
func (s Size) String() string { return New(English).Bytes(int64(s)) }

// Percent writes a part of a whole, 0 to 1: 42%, 42 %.
func (p Printer) Percent(part float64) string {
	s := strconv.Itoa(int(part*100 + 0.5))
	if p.l == French {
		return s + "\u00a0%"
	}
	return s + "%"
}

// Time writes a moment to the minute, in the given zone.
func (p Printer) Time(t time.Time, zone *time.Location) string {
	if p.l == French {
		return t.In(zone).Format("02/01/2006 15:04")
	}
	return t.In(zone).Format("2006-01-02 15:04")
}

// Duration writes a duration in its largest fitting unit: "3 days", "2 hours".
func (p Printer) Duration(d time.Duration) string {
	switch s := int64(d / time.Second); {
	case s >= 48*3600:
		return p.N(s/86400, "%s day", "%s days")
	case s >= 2*3600:
		return p.N(s/3600, "%s hour", "%s hours")
	case s >= 120:
		return p.N(s/60, "%s minute", "%s minutes")
	default:
		return p.N(s, "%s second", "%s seconds")
	}
}
