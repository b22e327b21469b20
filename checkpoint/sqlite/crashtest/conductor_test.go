//go:build linux

package crashtest_test

import (
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

	"github.com/perdure/perdure/checkpoint/sqlite/crashtest/moment"
)

// cell is what is killed, and when.
type cell struct {
	kind   moment.Kind
	victim string
}

// shots is how often a cell is still to be hit, and how many of its moments go by before that.
type shots struct{ left, skip int }

// conductor is told of every moment, and kills.
type conductor struct {
	t        *testing.T
	random   *rand.Rand
	function string // the program that functions run

	mu       sync.Mutex
	plan     map[cell]*shots
	hits     map[cell]int
	calm     int            // so many moments pass before the next kill
	pids     map[string]int // by execution: the process that has it
	last     int            // the process that took on an execution last
	service  int            // its process, if it runs
	killed   bool           // the service was killed
	moments  int
	acked    map[string][]update // by execution
	submits  chan string
	problems []string
}

// update is an update that the service has confirmed.
type update struct {
	ID      string  `json:"Id"`
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
		hits: make(map[cell]int), pids: make(map[string]int), acked: make(map[string][]update), submits: make(chan string, 10_000),
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

// ServeHTTP takes a report and answers when the program may go on.
func (c *conductor) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var report moment.Report
	if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
		return // it was killed while it reported
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(&report)
	c.moments++
	if c.calm > 0 && report.Kind != moment.Starting {
		c.calm--
		return
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
		if c.kill(victim, &report) {
			s.left--
			c.hits[k]++
			c.calm = c.random.IntN(20)
			s.skip = c.skip(k)
			return
		}
	}
}

// note takes in what a report tells.
func (c *conductor) note(r *moment.Report) {
	switch r.Kind {
	case moment.Invoked:
		c.pids[r.Execution], c.last = r.PID, r.PID
	case moment.Submitted:
		c.submits <- r.Callback
	case moment.Committed:
		var call struct{ Updates []update }
		if len(r.Call) > 0 {
			if err := json.Unmarshal(r.Call, &call); err != nil {
				c.problems = append(c.problems, err.Error())
			}
		}
		c.acked[r.Execution] = append(c.acked[r.Execution], call.Updates...)
	case moment.Starting:
		if r.Program == moment.Service {
			c.service = r.PID
		}
	case moment.Body, moment.InFlight, moment.Storing:
	}
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

// histogram tells what was killed, and when.
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
