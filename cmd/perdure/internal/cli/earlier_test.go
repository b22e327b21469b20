package cli_test

import (
	"strings"
	"testing"
	"time"
)

// TestShowHasAnEarlierAnswer: no record has the type of a callback, so that what such a callback
// was answered with before is shown as an argument of the command, as text or as JSON.
func TestShowHasAnEarlierAnswer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ answer, flag, want string }{
		{"Ann", "--text", "such a callback was answered in A-1, with: --text Ann\n"},
		{`"Ann"`, "", `such a callback was answered in A-1, with: '"Ann"'` + "\n"},
	} {
		s := newSite(t)
		s.begun("A-1")
		if got := s.run("show", "A-1", "-f", "order").out; strings.Contains(got, "such a callback") {
			t.Errorf("nothing was answered yet: %s", got)
		}
		args := []string{"callback", "succeed", s.callback(), tt.answer}
		if tt.flag != "" {
			args = append(args, tt.flag)
		}
		s.run(args...)
		s.advance(48 * time.Hour)
		s.begun("A-2")
		if got := s.run("show", "A-2", "-f", "order").out; !strings.Contains(got, "\n"+tt.want) {
			t.Errorf("%s: %s, want %s", tt.answer, got, tt.want)
		}
		if got := s.run("show", "A-2", "-f", "order", "-o", "json").out; strings.Contains(got, "such a callback") {
			t.Errorf("programs do not read it: %s", got)
		}
	}
}
