package stacks_test

import (
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/internal/stacks"
)

const (
	server = `goroutine 1 [select]:
github.com/perdure/perdure/replay/internal/engine.(*invocation).run(0x1)
	/src/engine/run.go:12 +0x45
github.com/aws/aws-lambda-go/lambda.Start({0x1, 0x2})
	/src/lambda/entry.go:10 +0x1
main.main()
	/home/ann/order/main.go:90 +0x1c`
	body = `goroutine 34 [sync.Mutex.Lock, 2 minutes]:
internal/sync.runtime_SemacquireMutex(0x0?, 0x0?, 0x0?)
	/go/src/runtime/sema.go:95 +0x25
internal/sync.(*Mutex).lockSlow(0xc000)
	/go/src/internal/sync/mutex.go:149 +0x15d
sync.(*Mutex).Lock(...)
	/go/src/sync/mutex.go:46
main.(*cards).charge(0xc000, {0x7, 0x8})
	/home/ann/order/main.go:31 +0x45
github.com/perdure/perdure/replay/internal/engine.call(...)
	/src/engine/step_body.go:80
created by github.com/perdure/perdure/internal/turn.(*Turn).Go in goroutine 1
	/src/turn/turn.go:20 +0x9`
	own = `goroutine 40 [chan receive]:
main.poll()
	/home/ann/order/main.go:70 +0x1
created by main.main in goroutine 1
	/home/ann/order/main.go:60 +0x1`
	loop = `goroutine 41 [running]:
main.spin.func1(0x1)
	/home/ann/order/main.go:50 +0x1
github.com/perdure/perdure/replay/internal/engine.call(...)
	/src/engine/step_body.go:80`
)

// TestOfUsers: bodies come first, with the line in which they wait.
func TestOfUsers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, dump string
		lines        []string
		first        string
	}{
		{"no goroutine", "", nil, ""},
		{"what waits for the service comes from main, and is no body", server, nil, "goroutine 1 "},
		{
			"a body that waits for a lock", server + "\n\n" + own + "\n\n" + body + "\n",
			[]string{"main.(*cards).charge waits in sync.(*Mutex).Lock (main.go:31)"},
			"goroutine 34 ",
		},
		{"a body that computes", own + "\n\n" + loop, []string{"main.spin.func1 was running at main.go:50"}, "goroutine 41 "},
		{
			"a body that waits for a channel", strings.Replace(loop, "running", "chan receive, 3 minutes", 1),
			[]string{"main.spin.func1 was waiting (chan receive) at main.go:50"},
			"goroutine 41 ",
		},
		{
			"a body that waits in a select", strings.Replace(loop, "running", "select", 1),
			[]string{"main.spin.func1 was waiting in a select at main.go:50"},
			"goroutine 41 ",
		},
		{"a first line without a state", strings.Replace(loop, "[running]", "", 1), []string{"main.spin.func1 was at main.go:50"}, "goroutine 41 "},
		{"a line that was cut off", own + "\n\n" + body[:strings.Index(body, "main.(*cards)")+12], nil, "goroutine 40 "},
	}
	for _, tt := range tests {
		lines, ordered := stacks.OfUsers(stacks.Parse([]byte(tt.dump)))
		if !slices.Equal(lines, tt.lines) {
			t.Errorf("%s: %q, want %q", tt.reason, lines, tt.lines)
		}
		text := stacks.Text(ordered, 1<<20)
		if !strings.HasPrefix(text, tt.first) || len(text) != len(strings.TrimSpace(tt.dump)) {
			t.Errorf("%s: the stacks begin with %.40q and have %d bytes of %d", tt.reason, text, len(text), len(tt.dump))
		}
		if got := stacks.Text(ordered, 10); got != text[:min(len(text), 10)] {
			t.Errorf("%s: cut: %q", tt.reason, got)
		}
	}
}

// TestFromPanic: the first call is the one that panicked.
func TestFromPanic(t *testing.T) {
	t.Parallel()
	const (
		first    = "goroutine 81 [running]:\n"
		recovery = "runtime/debug.Stack()\n\t/go/src/runtime/debug/stack.go:26 +0x5e\nmain.caught()\n\t/src/guard.go:48 +0x47\n"
		panics   = "panic({0xf3dde0?, 0x1a})\n\t/go/src/runtime/panic.go:860 +0x13a\n"
		runtimes = "runtime.panicmem(...)\n\t/go/src/runtime/panic.go:262\nruntime.sigpanic()\n\t/go/src/runtime/signal_unix.go:917 +0x359\n"
		users    = "main.total(...)\n\t/src/main.go:139\nmain.main()\n\t/src/main.go:7 +0x1\n"
	)
	tests := []struct{ reason, stack, want string }{
		{"a panic", first + recovery + panics + users, first + users},
		{"an error of the runtime, which calls functions of its own", first + recovery + panics + runtimes + users, first + users},
		{"a panic while one is handled: the later one", first + recovery + panics + users + panics + users, first + users + panics + users},
		{"no panic", first + users, first + users},
		{"nothing", "", ""},
		{"cut off at the panic", first + recovery + "panic(", first + recovery + "panic("},
	}
	for _, tt := range tests {
		if got := string(stacks.FromPanic([]byte(tt.stack))); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.reason, got, tt.want)
		}
	}
	defer func() {
		_ = recover()
		lines := strings.Split(string(stacks.FromPanic(debug.Stack())), "\n")
		if !strings.HasPrefix(lines[1], "github.com/perdure/perdure/internal/stacks_test.third(") {
			t.Errorf("a panic of the runtime begins with %q", lines[1])
		}
	}()
	third(nil)
}

//go:noinline
func third(lines []int) int { return lines[2] }
