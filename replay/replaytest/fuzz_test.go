package replaytest_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/perdure/perdure/replay/replaytest"
)

// FuzzSchedule reads lines: what is taken for a schedule is spelled as it was read.
func FuzzSchedule(f *testing.F) {
	for _, seed := range []string{
		"", ";", "call:1=lost-before", "call:1=lost-after; body:ship[a=b]/pack@2=late", "order:a@1 < b@1=kept", "page:3=split; page:3=throttled",
		"call:1=", "call:=slow", ":1=lost-before", "callback:ask[first]=early", "crash:a@1=lost; ", "body:a%3Bb@1=deadline",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got, err := replaytest.ParseSchedule(line)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "replaytest: ") || got != "" {
				t.Errorf("%q, and %v", got, err)
			}
			return
		}
		if got != line {
			t.Errorf("%q was read as %q", line, got)
		}
	})
}

// FuzzPath compares the patterns of options with regular expressions.
func FuzzPath(f *testing.F) {
	f.Add("ship[*]/pack-item", "ship[2]/pack-item")
	f.Add("*", "")
	f.Add("a*b*", "a[x]b/c")
	f.Add("ship", "ship#2")
	f.Add(strings.Repeat("*a", 20)+"b", strings.Repeat("a", 60))
	f.Fuzz(func(t *testing.T, pattern, path string) {
		const long = 200
		if len(pattern) > long || len(path) > long {
			t.Skip("the expression would be large")
		}
		parts := strings.Split(pattern, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		want, err := regexp.Compile(`(?s)\A` + strings.Join(parts, `[^/]*`) + `\z`)
		if err != nil {
			t.Skip("no expression holds this text")
		}
		if got := replaytest.Matches(pattern, path); got != want.MatchString(path) {
			t.Errorf("matches(%q, %q) is %t", pattern, path, got)
		}
	})
}
