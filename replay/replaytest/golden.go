package replaytest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// UpdateVariable is the environment variable that has [Result.Golden] and [Shape] write their
// files, if it is not empty.
const UpdateVariable = "PERDURE_UPDATE"

// Golden compares the checkpoint traffic, as [Result.Traffic] writes it, with a file in testdata.
// The file is rewritten if the environment variable [UpdateVariable] is set, or a flag -update that
// the test binary defines. Read the difference before committing it: it
// shows reviewers what a change does to executions that are under way.
func (r *Result[Out]) Golden(tb testing.TB, file string) {
	tb.Helper()
	if r.Cloud {
		tb.Errorf("replaytest: Golden(%q): the checkpoint traffic of a function in the cloud is not seen: compare that of a run without Cloud", file)
		return
	}
	got := r.Traffic()
	name := filepath.Join("testdata", filepath.FromSlash(file))
	if updating() {
		err := os.MkdirAll(filepath.Dir(name), 0o750)
		if err == nil {
			err = os.WriteFile(name, []byte(got), 0o600)
		}
		if err != nil {
			tb.Errorf("replaytest: %v", err)
		}
		return
	}
	want, err := os.ReadFile(name) //nolint:gosec // the test names the file
	if err != nil {
		tb.Errorf("replaytest: %v; to write it: %s", err, toUpdate(tb.Name()))
		return
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		tb.Errorf("replaytest: the checkpoint traffic is not that of %s; executions that are under way have records of the old one. "+
			"If it is to change: %s\n(-want +got):\n%s", name, toUpdate(tb.Name()), diff)
	}
}

// toUpdate is the command that rewrites the files of a test.
func toUpdate(test string) string {
	test, _, _ = strings.Cut(test, "/")
	run := "go test -run '^" + test + "$'"
	if flag.Lookup("update") != nil {
		return run + " . -update"
	}
	return UpdateVariable + "=1 " + run
}

// updating reports whether files are to be written. The variable counts beside a flag, which may be
// one of the user's for other files.
func updating() bool {
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		return true
	}
	return os.Getenv(UpdateVariable) != ""
}

// Traffic writes all that the function and the service said to each other, as text: by invocation,
// the updates that the function sent, with the number of the call that carried them, and what the
// service changed by itself. It is the same for each run of a deterministic function.
//
// What runs concurrently is listed operation by operation, and without the numbers of the calls,
// which then depend on chance.
func (r *Result[Out]) Traffic() string {
	g := &traffic{paths: make(map[string]string)}
	for _, o := range r.Operations {
		g.paths[o.ID] = o.Path
	}
	for _, e := range r.History {
		if e.Type == local.EventExecutionStarted {
			g.start = e.Time
			g.printf("input %s\n", e.Input)
		}
	}
	completed := 0
	var own []local.Event // what the service did since the last invocation
	for _, e := range r.History {
		switch {
		case e.Type == local.EventInvocationCompleted:
			completed++
			during := slices.IndexFunc(own, func(o local.Event) bool { return completed == 1 || o.Time.After(e.Start) })
			if during < 0 {
				during = len(own)
			}
			g.events(own[:during])
			g.invocation(completed, r.Calls, r.Concurrent)
			g.events(own[during:])
			own = nil
			g.completed(e, r.Status, completed == r.Invocations)
		case external(e.Type):
			own = append(own, e)
		}
	}
	g.events(own)
	g.printf("%s\n", r.Status)
	return g.String()
}

// traffic writes the text.
type traffic struct {
	strings.Builder

	paths map[string]string
	start time.Time
}

func (g *traffic) printf(format string, args ...any) { fmt.Fprintf(&g.Builder, format, args...) }

func (g *traffic) path(id, name string) string {
	if p, ok := g.paths[id]; ok {
		return p
	}
	return name
}

// external reports whether an event is the service's own doing.
func external(t local.EventType) bool {
	switch t { //nolint:exhaustive // all others are what the function did
	case local.EventWaitSucceeded, local.EventCallbackSucceeded, local.EventCallbackFailed, local.EventCallbackTimedOut,
		local.EventChainedInvokeSucceeded, local.EventChainedInvokeFailed, local.EventChainedInvokeTimedOut,
		local.EventChainedInvokeStopped:
		return true
	}
	return false
}

// events writes what the service did, in an order that does not depend on that of concurrent calls.
func (g *traffic) events(list []local.Event) {
	slices.SortStableFunc(list, func(a, b local.Event) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		return compareNatural(g.path(a.OperationID, a.Name), g.path(b.OperationID, b.Name))
	})
	for _, e := range list {
		g.printf("  +%v %s %s", e.Time.Sub(g.start), e.Type, g.path(e.OperationID, e.Name))
		if e.Result.Present() {
			g.printf(" %s", e.Result)
		}
		g.failure(e.Failure)
		g.printf("\n")
	}
}

func (g *traffic) completed(e local.Event, status local.Status, last bool) {
	switch {
	case e.Failure != nil:
		g.printf("  +%v the invocation failed", e.End.Sub(g.start))
		g.failure(e.Failure)
		g.printf("\n")
	case last && status.Terminal():
	default:
		g.printf("  +%v suspended\n", e.End.Sub(g.start))
	}
}

// sent is an update and the number of its call.
type sent struct {
	checkpoint.Update

	call int
}

func (g *traffic) invocation(number int, calls []local.Call, concurrent bool) {
	var list []sent
	g.printf("invocation %d\n", number)
	for _, c := range calls {
		if c.Invocation != number {
			continue
		}
		for _, u := range c.Updates {
			list = append(list, sent{u, c.Number})
		}
		if c.Err != nil {
			g.printf("  #%d refused: %v\n", c.Number, c.Err)
		}
	}
	if concurrent {
		list = g.canonical(list)
	}
	for _, u := range list {
		if !concurrent {
			g.printf("  #%d", u.call)
		} else {
			g.printf("  -")
		}
		g.printf(" %s %s %s", g.path(u.ID, u.Name), u.SubType, u.Action)
		g.details(u.Update)
		g.printf("\n")
	}
}

// canonical orders updates by operation: those of one scope as they began, those inside between the
// first and the last update of what is around them.
func (g *traffic) canonical(list []sent) []sent {
	var ids []string
	updates := make(map[string][]sent)
	for _, u := range list {
		if updates[u.ID] == nil {
			ids = append(ids, u.ID)
		}
		updates[u.ID] = append(updates[u.ID], u)
	}
	children := make(map[string][]string)
	for _, id := range ids {
		parent := updates[id][0].ParentID
		if updates[parent] == nil {
			parent = ""
		}
		children[parent] = append(children[parent], id)
	}
	scope := func(id string) string { return scopeOf(g.path(id, "")) }
	var out []sent
	var emit func(parent string)
	emit = func(parent string) {
		kids := children[parent]
		slices.SortStableFunc(kids, func(a, b string) int { return compareNatural(scope(a), scope(b)) })
		for _, id := range kids {
			u := updates[id]
			first := 0
			if u[0].Action == checkpoint.ActionStart {
				first = 1
			}
			out = append(out, u[:first]...)
			if id != "" {
				emit(id)
			}
			out = append(out, u[first:]...)
		}
	}
	emit("")
	return out
}

func (g *traffic) details(u checkpoint.Update) {
	if u.Payload.Present() {
		g.printf(" %s", steady(u.Payload.String()))
	}
	g.failure(u.Failure)
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"after", u.NextAttemptDelay}, {"for", u.Wait}, {"timeout", u.Timeout}, {"heartbeat", u.Heartbeat}} {
		if d.d != 0 {
			g.printf(" %s=%v", d.name, d.d)
		}
	}
	if u.Function != "" {
		g.printf(" function=%s", u.Function)
	}
	if u.Tenant != "" {
		g.printf(" tenant=%s", u.Tenant)
	}
	if u.TraceHeader != "" {
		g.printf(" trace=%s", u.TraceHeader)
	}
	if u.ReplayChildren {
		g.printf(" replay-children")
	}
}

func (g *traffic) failure(f *checkpoint.Failure) {
	if f == nil {
		return
	}
	g.printf(" %s: %q", f.Type, f.Message)
	if f.Data != "" {
		g.printf(" data=%s", f.Data)
	}
}

// chance finds the branch that was the last to complete of a batch of which all did.
func chance() *regexp.Regexp {
	return regexp.MustCompile(`^(\{"perdure":\{"reason":"ALL_COMPLETED","winner":)\d+`)
}

// compareNatural compares texts with the numbers in them as numbers.
func compareNatural(a, b string) int {
	for a != "" && b != "" {
		n, m := digits(a), digits(b)
		if n > 0 && m > 0 {
			if n != m {
				return n - m
			}
			if c := strings.Compare(a[:n], b[:m]); c != 0 {
				return c
			}
			a, b = a[n:], b[m:]
			continue
		}
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

// digits is the length of the number that s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
