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
` + mainOfAStrand + `
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
	/src/engine/step_body.go:80
` + mainOfAStrand
	sender = `goroutine 42 [runnable]:
slices.Clone[...](...)
	/go/src/slices/slices.go:360
github.com/perdure/perdure/replay/internal/engine.(*sender).run(0xc000)
	/src/engine/calls.go:60 +0x1
created by github.com/perdure/perdure/replay/internal/engine.(*sender).start in goroutine 34
	/src/engine/calls.go:50 +0x1`
	mainOfAStrand = `github.com/perdure/perdure/internal/turn.(*Strand).main(0xc000, 0xc001)
	/src/turn/strand.go:128 +0x1`
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
		{"what calls the service is no body", sender, nil, "goroutine 42 "},
		{"what calls the service, and a body", sender + "\n\n" + loop, []string{"main.spin.func1 was running at main.go:50"}, "goroutine 41 "},
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

// TestOfOne: of several invocations in a process, one gets its own goroutines and what they have
// begun, and of nothing that may be of another.
func TestOfOne(t *testing.T) {
	t.Parallel()
	const (
		mine    = "goroutine 10 [select]:\nmine()\n\t/a.go:1\ncreated by turn in goroutine 1\n\t/t.go:1"
		child   = "goroutine 11 [select]:\nchild()\n\t/a.go:2\ncreated by mine in goroutine 10\n\t/t.go:1"
		nested  = "goroutine 12 [select]:\nnested()\n\t/a.go:3\ncreated by child.func1 in goroutine 11\n\t/t.go:1"
		orphan  = "goroutine 13 [select]:\norphan()\n\t/a.go:4\ncreated by pool in goroutine 9\n\t/t.go:1"
		root    = "goroutine 1 [select]:\nmain.main()\n\t/a.go:5"
		other   = "goroutine 20 [select]:\nother()\n\t/a.go:6\ncreated by turn in goroutine 10\n\t/t.go:1"
		others  = "goroutine 21 [select]:\nchildOfOther()\n\t/a.go:7\ncreated by other in goroutine 20\n\t/t.go:1"
		circle  = "goroutine 30 [select]:\nx()\n\t/a.go:8\ncreated by x in goroutine 30\n\t/t.go:1"
		noOnes  = "goroutine [select]:\nx()\n\t/a.go:8"
		between = "\n\n"
	)
	tests := []struct {
		reason, dump string
		cut          bool
		want         []uint64
	}{
		{"the only invocation: all", root + between + mine + between + child + between + orphan, false, []uint64{1, 10, 11, 13}},
		{
			"two invocations: its own, with what they have begun", root + between + mine + between + other + between + child +
				between + nested + between + orphan + between + others, false,
			[]uint64{10, 11, 12},
		},
		{"a strand that another invocation's goroutine has begun is no child of that", other + between + mine, false, []uint64{10}},
		{"what is cut off may have others", root + between + mine + between + child + between + orphan, true, []uint64{10, 11}},
		{"what has begun itself, or has no number", mine + between + circle + between + noOnes, false, []uint64{10, 30, 0}},
		{"the same beside others", mine + between + circle + between + noOnes + between + other, false, []uint64{10}},
	}
	for _, tt := range tests {
		list := stacks.OfOne(stacks.Parse([]byte(tt.dump)), !tt.cut, func(g *stacks.Goroutine) stacks.Whose {
			return map[uint64]stacks.Whose{10: stacks.Own, 20: stacks.Others}[g.Number]
		})
		var got []uint64
		for _, g := range list {
			got = append(got, g.Number)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.reason, got, tt.want)
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
