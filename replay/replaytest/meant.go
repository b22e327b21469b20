package replaytest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// meant suggests what a mistyped path was to be, or else lists what there is.
func meant(path string, there []string) string {
	var choice []string
	for _, p := range there {
		for _, c := range []string{starred(p), p} {
			if !slices.Contains(choice, c) {
				choice = append(choice, c)
			}
		}
	}
	best, near := "", 1+len(path)/3 //nolint:mnd // a third of the letters may be wrong
	for _, c := range choice {
		if d := distance(path, c); d < near {
			best, near = c, d
		}
	}
	if path != "" && best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	const most = 10
	var list []string
	for _, c := range choice {
		if c != starred(c) {
			continue // of ship[0] and ship[1], ship[*] is enough
		}
		if len(list) == most {
			list = append(list, "…")
			break
		}
		list = append(list, strconv.Quote(c))
	}
	if len(list) == 0 {
		return "; there was none"
	}
	return "; there were " + strings.Join(list, ", ")
}

// distance is how many letters must be put in, taken out or changed to make one text of the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
