package replaytest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/stacks"
)

// timeLimit is how long, in real time, an execution may take unless WithTimeLimit says otherwise.
const timeLimit = time.Minute

// farewells is how much of the time of a test binary is left for saying what hangs.
const farewells = 10 * time.Second

// WithTimeLimit sets how long, in real time, the kit drives an execution before it counts as
// hanging and the test fails at once, with what waits and the stacks of the goroutines of the
// function: each call of [Run] and of a method of [Execution] or [Callback], and each single
// execution of [Explore]. Virtual time does not count. The default is one minute; zero, or less, is
// no limit. The limit ends earlier, if need be, while some of the -timeout of the test binary is
// left to report it. It does not apply to [Cloud]: see [WithPollTimeout].
func WithTimeLimit(d time.Duration) Option { return option(func(c *config) { c.limit = d }) }

// errHangs says that an execution is not at rest in time.
var errHangs = errors.New("real time is over")

// limitOf is the limit of a test; zero for none.
func (c *config) limitOf(tb testing.TB) time.Duration {
	tb.Helper()
	limit := max(0, c.limit)
	t, ok := tb.(interface{ Deadline() (time.Time, bool) })
	if !ok || limit == 0 {
		return limit
	}
	if end, ok := t.Deadline(); ok {
		left := time.Until(end) //nolint:forbidigo // the deadline of a test is one of real time
		limit = min(limit, max(left-farewells, left/2))
	}
	return max(limit, time.Millisecond)
}

// numbers distinguishes the executions of a test binary.
var numbers atomic.Int64 //nolint:gochecknoglobals // labels of goroutines are those of the process

// label is the key under which the goroutines of a function carry the number of its execution.
const label = "replaytest"

// labelled runs h on goroutines that can be distinguished from those of others.
func (k *kit) labelled(h local.Handler) local.Handler {
	return local.HandlerFunc(func(ctx context.Context, payload []byte) (out []byte, err error) {
		pprof.Do(ctx, pprof.Labels(label, k.number), func(ctx context.Context) { out, err = h.Invoke(ctx, payload) })
		return out, err
	})
}

// within runs what drives the execution, at most so long in real time; zero is no limit. What hangs
// is left behind then.
func (k *kit) within(ctx context.Context, limit time.Duration, drive func(ctx context.Context) error) error {
	if limit == 0 {
		return drive(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errHangs)
	defer cancel()
	var err error
	done, returned := make(chan struct{}), false
	go func() {
		defer close(done)
		err = drive(ctx)
		returned = true
	}()
	select {
	case <-done:
	case <-ctx.Done():
		if context.Cause(ctx) != errHangs { //nolint:errorlint // it is the one
			<-done
			break
		}
		return k.hangs(limit)
	}
	if !returned {
		runtime.Goexit() // a codec has called FailNow
	}
	if errors.Is(err, errHangs) {
		return k.hangs(limit)
	}
	return err
}

// hangs says what an execution waits for that is not at rest.
func (k *kit) hangs(limit time.Duration) error {
	var b strings.Builder
	fmt.Fprintf(&b, "it has not ended within %v of real time: a body, or the handler, waits for something that never happens; "+
		"WithTimeLimit allows more", limit)
	var running []string
	k.note(func() { running = slices.Sorted(maps.Keys(k.running)) })
	for _, path := range running {
		fmt.Fprintf(&b, "\nthe body of %q%s runs", path, k.at(path))
	}
	all := k.stacks()
	slices.SortStableFunc(all, func(a, b stack) int { return cmp.Compare(b.waits(), a.waits()) }) // the user's first
	for _, s := range all {
		if what := s.waits(); what != "" {
			b.WriteString("\n" + what)
		}
	}
	for _, s := range all {
		b.WriteString("\n\n" + s.String())
	}
	return errors.New(b.String())
}

// stack is where goroutines of a function are.
type stack struct {
	count  string
	frames []stacks.Frame
}

// stacks are those of the goroutines of the execution's functions.
func (k *kit) stacks() (list []stack) {
	var b bytes.Buffer
	if pprof.Lookup("goroutine").WriteTo(&b, 1) != nil {
		return nil // a buffer takes everything
	}
	mine := strconv.Quote(label) + ":" + strconv.Quote(k.number)
	for text := range strings.SplitSeq(b.String(), "\n\n") {
		if !strings.Contains(text, mine) {
			continue
		}
		var s stack
		s.count, _, _ = strings.Cut(text, " ")
		for line := range strings.Lines(text) {
			// #	0x4cafd3	sync.(*Mutex).Lock+0x33	/usr/local/go/src/sync/mutex.go:46
			fields := strings.Fields(line)
			if len(fields) < 4 || fields[0] != "#" { //nolint:mnd // as above
				continue
			}
			function, _, _ := strings.Cut(fields[2], "+0x")
			s.frames = append(s.frames, stacks.Frame{Function: function, At: fields[3]})
		}
		list = append(list, s)
	}
	return list
}

// waits says where the user's code waits; empty if there is none of it.
func (s stack) waits() string { return stacks.Waits("", s.frames) }

// String is the stack for people.
func (s stack) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "goroutines here: %s", s.count)
	for _, f := range s.frames {
		fmt.Fprintf(&b, "\n%s\n\t%s", f.Function, f.At)
	}
	return b.String()
}
