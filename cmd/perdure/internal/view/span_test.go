package view_test

import (
	"testing"
	"time"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// TestParseSpan: what is printed of a duration can be given back.
func TestParseSpan(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"90m": 90 * time.Minute, "24h": day, "3d": 3 * day, "364d4h": 364*day + 4*time.Hour, "1d30m": day + 30*time.Minute, "-3d": -3 * day,
		"-1h": -time.Hour, "0": 0, "1.5h": 90 * time.Minute,
	} {
		if got, err := view.ParseSpan(text); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "3", "1.5d", "tomorrow", "3dx", "3d-1h", "99999999d", "--3d", "h3d"} {
		if got, err := view.ParseSpan(text); err == nil {
			t.Errorf("%q is no duration, and is read as %v", text, got)
		}
	}
	for _, d := range []time.Duration{time.Second, 90 * time.Second, 3 * time.Hour, 50 * time.Hour, 364*day + 4*time.Hour} {
		if got, err := view.ParseSpan(view.Span(d)); err != nil || got != d {
			t.Errorf("%v is shown as %s, which is read as %v, %v", d, view.Span(d), got, err)
		}
	}
}
