package replaytest

import (
	"strconv"
	"strings"
	"time"
)

// span is a duration as people write it in a table: exact, in days from two of them on, without
// units that are zero.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d < 0 || d < 2*day {
		return trimmed(d)
	}
	text := strconv.FormatInt(int64(d/day), 10) + "d"
	if rest := d % day; rest > 0 {
		text += trimmed(rest)
	}
	return text
}

// trimmed is what a duration says of itself, without zeros at its end.
func trimmed(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
