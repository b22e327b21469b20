package view

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

var errSpan = errors.New("a duration is a number with a unit, such as 90m, 24h or 3d")

// ParseSpan reads a duration as Go writes it, or as [Span] does: with days.
func ParseSpan(text string) (time.Duration, error) {
	rest, sign := strings.CutPrefix(text, "-")
	days, rest, ok := strings.Cut(rest, "d")
	if !ok {
		days, rest = "0", days
	}
	n, err := strconv.ParseUint(days, 10, 16) // 65,535 days fit a duration
	if err != nil {
		return 0, errSpan
	}
	d := time.Duration(n) * 24 * time.Hour
	if rest != "" || !ok {
		more, err := time.ParseDuration(rest)
		if err != nil || ok && more < 0 {
			return 0, errSpan
		}
		d += more
	}
	if sign {
		d = -d
	}
	return d, nil
}
