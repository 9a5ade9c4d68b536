// Package readme reads the command lines that the README shows, for the tests that hold it to
// them. Only tests import it.
package readme

import (
	"regexp"
	"strings"
)

// column is where the texts of the list of commands begin, in characters.
const column = 40

// List returns the lines of the list of commands: indented lines that begin with rhizome and
// have a text beside or under them.
func List(page string) (out []string) {
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "    rhizome ") {
			continue
		}
		runes := []rune(line)
		switch {
		case len(runes) > column && runes[column-1] == ' ':
			out = append(out, strings.TrimSpace(string(runes[:column])))
		case i+1 < len(lines) && strings.HasPrefix(lines[i+1], strings.Repeat(" ", column)):
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// All returns the lines of the list, and every other command line of rhizome that a page
// shows: indented, or between backquotes.
func All(page string) []string {
	out := List(page)
	for line := range strings.SplitSeq(page, "\n") {
		if rest, ok := strings.CutPrefix(line, "    rhizome "); ok && !strings.Contains(rest, "  ") && len([]rune(line)) <= column {
			out = append(out, "rhizome "+rest)
		}
	}
	for _, m := range regexp.MustCompile("`(rhizome [^`]*)`").FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

// Words cuts a line as a shell does, which knows double quotes.
func Words(line string) (out []string) {
	for _, m := range regexp.MustCompile(`"([^"]*)"|(\S+)`).FindAllStringSubmatch(line, -1) {
		out = append(out, m[1]+m[2])
	}
	return out
}
