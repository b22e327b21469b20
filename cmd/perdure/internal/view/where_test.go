package view_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// nearlyOver is a line that a function logs a second before its invocation is cut off.
func nearlyOver(waits string) string {
	return fmt.Sprintf(`{"level":"WARN","message":"the invocation's time is nearly over, and it is held up by user code","waits":%q}`, waits)
}

// TestWhereCutOff: the lines of the log say where bodies were, and whether that is one line.
func TestWhereCutOff(t *testing.T) {
	t.Parallel()
	read := nearlyOver("main.(*site).readRows was waiting in a select at functions.go:86")
	lay := nearlyOver("main.layOut was running at functions.go:96")
	write := nearlyOver("main.write[...].func1 waits in sync.(*Mutex).Lock (main.go:31); main.other was running at main.go:7")
	tests := []struct {
		reason string
		lines  []string
		want   string
	}{
		{"nothing was logged", nil, ""},
		{"other lines", []string{"the invocation's time is nearly over", `{"message":"it quotes: the invocation's time is nearly over","waits":"main.a was running at main.go:1"}`}, ""},
		{"a line without a place", []string{nearlyOver("")}, ""},
		{"one line", []string{read}, "readRows functions.go:86 (1×): if the next one is cut off in the same line, it hangs there."},
		{
			"the same line",
			[]string{read, "{", read},
			"readRows functions.go:86 (2×): the same line each time, so it hangs there, unless that line is the pause of a loop that gets on.",
		},
		{
			"different lines",
			[]string{read, lay, write, read, lay, write},
			"readRows functions.go:86 (2×), layOut functions.go:96 (2×), write.func1 main.go:31 (2×): different lines, so it is slow, and does not hang.",
		},
		{
			"one line is most of them",
			[]string{read, read, read, lay},
			"readRows functions.go:86 (3×), layOut functions.go:96 (1×): mostly the same line, so it most likely hangs there.",
		},
		{
			"many lines",
			[]string{read, lay, write, nearlyOver("main.d was running at main.go:4"), nearlyOver("main.e was running at main.go:5")},
			"readRows functions.go:86 (1×), layOut functions.go:96 (1×), write.func1 main.go:31 (1×), d main.go:4 (1×), and 1 more: different lines, so it is slow, and does not hang.",
		},
	}
	for _, tt := range tests {
		if got := view.WhereCutOff(tt.lines); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.reason, got, tt.want)
		}
	}
}

// TestTimedOut: only the time-out of the function cuts bodies off that log where they are.
func TestTimedOut(t *testing.T) {
	t.Parallel()
	if !view.Read(newScript().invocation(time.Minute, "Task timed out after 60.00 seconds").events).TimedOut() {
		t.Error("a time-out is none")
	}
	if view.Read(newScript().fails("errorString", "out of luck").events).TimedOut() {
		t.Error("an error is a time-out")
	}
}
