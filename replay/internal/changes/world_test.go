package changes_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay/internal/changes"
)

// deploy is a version and when it is deployed: at a moment of the execution, counted from one.
type deploy struct {
	program []*changes.Stmt
	handler local.Handler
	at      int
}

// world runs an execution whose function is lost and deployed at random.
type world struct {
	svc *local.Service

	mu      sync.Mutex
	r       *rand.Rand
	exec    *local.Execution
	code    local.Handler
	coming  []deploy
	moments int
	losses  int
	often   int            // the function is lost once in that many moments
	logs    []changes.Log  // when each version was deployed
	nth     map[string]int // the occurrence of operations that are not the first of their name, by ID
	wrong   []string       // bodies that ran though their result was recorded
	tried   map[string]bool
	bounds  bounds
}

func newWorld(r *rand.Rand) *world {
	w := &world{r: r, often: []int{6, 12, 12}[r.IntN(3)], nth: make(map[string]int), tried: make(map[string]bool)}
	w.svc = local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC))), local.WithFaults(local.Faults{Lose: w.lose}))
	return w
}

// Invoke invokes the version that is deployed.
func (w *world) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	w.mu.Lock()
	h := w.code
	w.mu.Unlock()
	return h.Invoke(ctx, event)
}

// mostLosses bounds how often a function is lost that is lost so often: nine invocations that fail
// in a row are the last ones.
func mostLosses(often int) int { return min(often, 12) }

// lose deploys and loses the function at random.
func (w *world) lose(p local.Point) bool {
	if !strings.Contains(p.ARN, ":order") {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	deployable := p.Moment == local.MomentBegin || p.Moment == local.MomentAfterCall
	if deployable {
		w.moments++
		w.wrong = append(w.wrong, w.bounds.broken(w.exec.Operations(), len(w.logs) == 0)...)
	}
	if deployable && len(w.coming) > 0 && w.moments >= w.coming[0].at {
		w.logs = append(w.logs, w.logOf(w.exec.Operations()))
		w.code, w.coming = w.coming[0].handler, w.coming[1:]
		return p.Moment == local.MomentAfterCall
	}
	if w.losses == mostLosses(w.often) || w.r.IntN(w.often) > 0 {
		return false
	}
	w.losses++
	return true
}

// ran notes that a body runs.
func (w *world) ran(ctx context.Context) {
	info, _ := op.InfoFrom(ctx)
	w.mu.Lock()
	e := w.exec
	_, occurrence, _ := strings.Cut(info.Path[strings.LastIndex(info.Path, "/")+1:], "#")
	if n, err := strconv.Atoi(occurrence); err == nil {
		w.nth[info.ID] = n - 1
	}
	w.mu.Unlock()
	if rec, ok := e.Operation(info.ID); ok && rec.Status == checkpoint.StatusSucceeded {
		w.mu.Lock()
		w.wrong = append(w.wrong, info.Path)
		w.mu.Unlock()
	}
}

// first reports whether an operation is tried for the first time.
func (w *world) first(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := !w.tried[name]
	w.tried[name] = true
	return first
}

// answer completes a callback, unless that was done.
func (w *world) answer(id, with string) error {
	_ = w.svc.CompleteCallback(id, []byte(with)) // a submitter may run twice
	return nil
}

var errDiverged = errors.New("it diverged")

// mostResumed is how often an execution that is held is resumed.
const mostResumed = 20

// drive runs an execution to its end, and returns that.
func (w *world) drive(ctx context.Context, first local.Handler, coming ...deploy) (string, error) {
	w.code, w.coming = first, coming
	echo := local.HandlerFunc(func(_ context.Context, in []byte) ([]byte, error) { return in, nil })
	if err := w.svc.Host("echo", echo, local.WithPlainFunction()); err != nil {
		return "", err
	}
	if err := w.svc.Host("order", w); err != nil {
		return "", err
	}
	e, err := w.svc.Start(ctx, "order", "", []byte("null"))
	if err != nil {
		return "", err
	}
	w.mu.Lock()
	w.exec = e
	w.mu.Unlock()
	err = e.Drive(ctx)
	for range mostResumed { // as an operator does, until the code that fits is deployed
		if e.Status() != local.StatusPaused {
			break
		}
		if err := w.svc.Resume(ctx, checkpoint.ResumeInput{ARN: e.ARN()}); err != nil {
			return "", err
		}
		err = e.Drive(ctx)
	}
	if err != nil {
		return "", err
	}
	if f := e.Failure(); f != nil && f.Type == "NonDeterministicExecutionError" {
		return "", fmt.Errorf("%w: %s", errDiverged, f.Message)
	}
	if f := e.Failure(); f != nil {
		return "", fmt.Errorf("%s: %s: %s", e.Status(), f.Type, f.Message)
	}
	return strings.Trim(string(e.Result()), `"`), nil
}
