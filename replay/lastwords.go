package replay

import (
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"time"
)

// lastWords is how long before its deadline an invocation says what holds it up.
const lastWords = time.Second

// watchDeadline has an invocation that comes near its deadline say who is in user code: a body that
// takes long, or a channel or lock of the handler's own that nobody gives free. The invocation is
// cut off at its deadline, and would say nothing then. It returns what ends the watch.
func (inv *invocation) watchDeadline() (stop func() bool) {
	deadline, ok := inv.ctx.Deadline()
	if !ok {
		return func() bool { return true }
	}
	left := deadline.Sub(inv.clock.Now()) - lastWords
	if left <= 0 {
		return func() bool { return true }
	}
	return inv.clock.AfterFunc(left, inv.sayWhoRuns)
}

func (inv *invocation) sayWhoRuns() {
	inv.mu.Lock()
	if inv.phase != running || inv.busy == 0 {
		inv.mu.Unlock()
		return
	}
	paths := inv.handler.inUserCode(nil)
	slices.Sort(paths)
	inv.tasks.Add(1) // the invocation does not answer before this is said
	defer inv.leave()
	inv.mu.Unlock()
	buf := make([]byte, mostStack)
	inv.logger().Warn("the invocation's time is nearly over, and it is held up by user code",
		slog.String("paths", strings.Join(paths, ", ")), stackAttr(buf[:runtime.Stack(buf, true)]))
}

// mostStack bounds what is logged of stacks, in bytes.
const mostStack = 64 << 10

// inUserCode adds to paths where the goroutine and those that it has started are in user code; the
// handler's own is "the handler". Called with the lock held.
func (t *task) inUserCode(paths []string) []string {
	if t.counted {
		paths = append(paths, place(t.where()))
	}
	for _, c := range t.children {
		paths = c.inUserCode(paths)
	}
	return paths
}
