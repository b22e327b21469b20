//go:build linux

package crashtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/perdure/perdure/checkpoint/sqlite/crashtest/moment"
)

// cell is what is killed, and when.
type cell struct {
	kind   moment.Kind
	victim string
}

// shots is how often a cell is still to be hit, and how many of its moments go by before that.
type shots struct{ left, skip int }

// conductor is informed of every moment, and kills.
type conductor struct {
	t        *testing.T
	random   *rand.Rand
	function string // the program that functions run

	mu      sync.Mutex
	plan    map[cell]*shots
	hits    map[cell]int
	calm    int            // that many moments pass before the next kill
	pids    map[string]int // by execution: the process that has it
	last    int            // the process that took on an execution last
	service int            // its process, if it runs
	killed  bool           // the service was killed
	moments int
	acked   map[string][]update // by execution
	// known are, by invocation, the operations whose success was confirmed before it began; invoked
	// is closed when an execution is invoked for the next time; late are calls whose callers were
	// killed and whose executions were invoked again before the calls were served.
	known    map[invocation]map[string]bool
	invoked  map[string]chan struct{}
	late     map[call]bool
	lateOnes int
	held     int // calls that wait for the next invocation; nothing is killed meanwhile
	submits  chan string
	problems []string
}

// invocation is an execution that a process has.
type invocation struct {
	pid       int
	execution string
}

// call is a checkpoint call that a service serves.
type call struct {
	service int
	number  int64
}

// update is an update that the service has confirmed.
type update struct {
	ID      string  `json:"Id"`
	Name    string  `json:"Name"`
	Type    string  `json:"Type"`
	Action  string  `json:"Action"`
	Payload *string `json:"Payload"`
}

func cells() []cell {
	var all []cell
	for _, kind := range []moment.Kind{moment.Starting, moment.Body, moment.InFlight, moment.Committed, moment.Storing} {
		all = append(all, cell{kind, moment.Function}, cell{kind, moment.Service})
	}
	return all
}

func newConductor(t *testing.T, function string, kills int, seed uint64) *conductor {
	t.Helper()
	c := &conductor{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), function: function, plan: make(map[cell]*shots),
		hits: make(map[cell]int), pids: make(map[string]int), acked: make(map[string][]update),
		known: make(map[invocation]map[string]bool), invoked: make(map[string]chan struct{}), late: make(map[call]bool), submits: make(chan string, 10_000),
	}
	for _, k := range cells() {
		c.plan[k] = &shots{left: kills, skip: c.skip(k)}
	}
	return c
}

// skip chooses how many moments of a cell pass before it is hit. Programs start seldom.
func (c *conductor) skip(k cell) int {
	if k.kind == moment.Starting {
		return c.random.IntN(3)
	}
	return c.random.IntN(12)
}

// lateness is how long a call is held at most whose caller was killed.
const lateness = 2 * time.Second

// ServeHTTP takes a report and answers when the program may go on.
func (c *conductor) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var report moment.Report
	if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
		return // it was killed while it reported
	}
	again := c.take(&report)
	if again == nil {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), lateness)
	defer cancel()
	invoked := false
	select {
	case <-again:
		invoked = true
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held--
	if invoked {
		c.late[call{report.PID, report.Number}] = true
		c.lateOnes++
	}
}

// take takes in a report and kills if it is time. If that was the caller of a call in flight, every
// other time it returns what is closed when the execution is invoked again: the call is to arrive
// after that.
func (c *conductor) take(report *moment.Report) (again chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(report)
	c.moments++
	if c.held > 0 {
		return nil
	}
	if c.calm > 0 && report.Kind != moment.Starting {
		c.calm--
		return nil
	}
	for _, victim := range []string{moment.Function, moment.Service} {
		k := cell{report.Kind, victim}
		s := c.plan[k]
		if s == nil || s.left == 0 || report.Kind == moment.Starting && report.Program != victim {
			continue
		}
		if s.skip--; s.skip >= 0 {
			continue
		}
		if !c.kill(victim, report) {
			continue
		}
		s.left--
		c.hits[k]++
		c.calm = c.random.IntN(20)
		s.skip = c.skip(k)
		if report.Kind != moment.InFlight || victim != moment.Function || s.left%2 != 0 {
			return nil
		}
		again = make(chan struct{})
		c.invoked[report.Execution] = again
		c.held++
		return again
	}
	return nil
}

// note takes in a report.
func (c *conductor) note(r *moment.Report) {
	switch r.Kind {
	case moment.Invoked:
		c.pids[r.Execution], c.last = r.PID, r.PID
		known := make(map[string]bool)
		for _, u := range c.acked[r.Execution] {
			known[u.ID] = known[u.ID] || u.Action == "SUCCEED"
		}
		c.known[invocation{r.PID, r.Execution}] = known
		if again := c.invoked[r.Execution]; again != nil {
			close(again)
			delete(c.invoked, r.Execution)
		}
	case moment.Submitted:
		c.submits <- r.Callback
	case moment.Committed:
		if len(r.Call) == 0 {
			return
		}
		var accepted struct{ Updates []update }
		if err := json.Unmarshal(r.Call, &accepted); err != nil {
			c.problem("%v", err)
		}
		if c.late[call{r.PID, r.Number}] {
			c.problem("%s: a call of an invocation was accepted after the next one had begun: %s", r.Execution, r.Call)
		}
		c.acked[r.Execution] = append(c.acked[r.Execution], accepted.Updates...)
	case moment.Starting:
		if r.Program == moment.Service {
			c.service = r.PID
		}
	case moment.Body:
		if c.known[invocation{r.PID, r.Execution}][r.Operation] {
			c.problem("%s: the body of %s runs again, in an invocation that began after its result was confirmed", r.Execution, r.Operation)
		}
	case moment.InFlight, moment.Storing:
	}
}

// problem notes what must not be. The mutex is held.
func (c *conductor) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// kill kills a program and reports whether there was one.
func (c *conductor) kill(victim string, r *moment.Report) bool {
	if victim == moment.Service {
		if c.service == 0 {
			return false
		}
		c.killed = true
		return syscall.Kill(c.service, syscall.SIGKILL) == nil
	}
	pid := c.last
	switch {
	case r.Program == moment.Function:
		pid = r.PID
	case r.Execution != "":
		pid = c.pids[r.Execution]
	}
	// Only what the service has started from our program is killed.
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err != nil || strings.TrimSuffix(exe, " (deleted)") != c.function {
		return false
	}
	return syscall.Kill(pid, syscall.SIGKILL) == nil
}

// ended takes in that the service has ended, and reports whether it was killed.
func (c *conductor) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	killed := c.killed
	c.killed, c.service = false, 0
	return killed
}

// done reports whether all has been hit; onlyStarts, whether all that is left are programs that
// start.
func (c *conductor) done() (done, onlyStarts bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done, onlyStarts = true, true
	for k, s := range c.plan {
		if s.left > 0 {
			done = false
			onlyStarts = onlyStarts && k.kind == moment.Starting
		}
	}
	return done, onlyStarts
}

// restart kills the service at no particular moment, so that programs start.
func (c *conductor) restart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.service != 0 && !c.killed && c.kill(moment.Service, &moment.Report{}) {
		c.hits[cell{"at any moment", moment.Service}]++
	}
}

// histogram says what was killed, and when.
func (c *conductor) histogram() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "killed\tfunction\tservice\t")
	rows := []moment.Kind{moment.Starting, moment.Body, moment.InFlight, moment.Committed, moment.Storing, "at any moment"}
	for _, kind := range rows {
		fmt.Fprintf(w, "%s\t%d\t%d\t\n", kind, c.hits[cell{kind, moment.Function}], c.hits[cell{kind, moment.Service}])
	}
	if err := w.Flush(); err != nil {
		return err.Error()
	}
	return b.String()
}

// kills counts how often a program was killed.
func (c *conductor) kills(victim string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, hits := range maps.All(c.hits) {
		if k.victim == victim {
			n += hits
		}
	}
	return n
}

// confirmed returns the updates of an execution that the service has confirmed.
func (c *conductor) confirmed(arn string) []update {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.acked[arn])
}
