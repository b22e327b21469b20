package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/replay"
)

// wide is how many columns a line has, if its words allow it.
const wide = 100

// printer writes a line for each thing that happens. A time stands where it has changed.
type printer struct {
	w   io.Writer
	now func() time.Time
	svc *local.Service

	// brief is nil unless Brief was called.
	brief *brief

	mu          sync.Mutex // guards what follows and the writer
	e           *local.Execution
	printed     time.Time // the time of the last line
	outside     bool      // the last line was about someone outside
	invocations int
	paths       map[string]string   // by the ID of an operation
	reported    map[string]bool     // operations whose end has had its line, by ID
	said        map[string][]string // what bodies that run have logged, by path
}

func newPrinter(w io.Writer, now func() time.Time) *printer {
	return &printer{
		w: w, now: now, paths: make(map[string]string), reported: make(map[string]bool), said: make(map[string][]string),
	}
}

func (p *printer) interceptor() replay.Interceptor {
	return replay.Interceptor{
		InvocationStart: func(_ context.Context, i replay.InvocationInfo) { p.invoked(i.ExecutionARN) },
		InvocationEnd:   func(_ context.Context, _ replay.InvocationInfo, end replay.InvocationEnd) { p.answered(end) },
		OperationStart:  func(_ context.Context, o replay.OperationInfo) { p.know(o) },
		OperationEnd:    func(_ context.Context, o replay.OperationInfo) { p.finished(o) },
		AttemptStart:    func(_ context.Context, a replay.AttemptInfo) { p.know(a.OperationInfo) },
		AttemptEnd:      func(_ context.Context, a replay.AttemptInfo, end replay.AttemptEnd) { p.attempted(a, end) },
	}
}

// know keeps the path of an operation, which the log does not hold.
func (p *printer) know(o replay.OperationInfo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paths[o.ID] = short(o.Path)
}

func (p *printer) path(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.paths[id]
}

// invoked prints that an invocation begins, and what it will take from the log. What is inside of
// an operation that has ended it does not look at; what the service has ended meanwhile has a line
// of its own.
func (p *printer) invoked(arn string) {
	e, _ := p.svc.Execution(arn)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.e == nil || p.e.ARN() != arn {
		p.e, p.invocations, p.reported = e, 0, make(map[string]bool)
	}
	p.invocations++
	if p.brief == nil {
		if !p.outside {
			fmt.Fprintln(p.w)
		}
		p.print(fmt.Sprintf("invocation %d", p.invocations), "", "")
		replayed := p.replayed()
		if n := len(replayed); n > most {
			replayed = append([]string{fmt.Sprintf("%d operations", n-3)}, replayed[n-3:]...)
		}
		p.list("replayed", replayed)
		return
	}
	p.folded()
	p.brief.invocation(p.invocations, len(p.replayed()))
	if p.invocations == 1 {
		p.row("begins", "", e.Name())
	}
}

// replayed returns what the log holds the outcome of.
func (p *printer) replayed() (paths []string) {
	ended := make(map[string]bool)
	for _, o := range p.e.Operations() {
		if o.Kind == checkpoint.KindExecution || !o.Status.Terminal() {
			continue
		}
		ended[o.ID] = true
		news := (o.Kind == checkpoint.KindWait || o.Kind == checkpoint.KindCallback) && !p.reported[o.ID]
		if path := p.paths[o.ID]; path != "" && !ended[o.ParentID] && !news {
			paths = append(paths, path)
		}
	}
	return paths
}

// most is how many operations that were replayed are named.
const most = 7

// answered prints what an invocation that has not ended the execution waits for.
func (p *printer) answered(end replay.InvocationEnd) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.folded()
	if end.Status != string(checkpoint.OutcomePending) || p.brief != nil {
		return
	}
	var open []string
	ended := make(map[string]bool)
	for _, o := range p.e.Operations() {
		path := p.paths[o.ID]
		ended[o.ID] = o.Status.Terminal() || ended[o.ParentID]
		switch {
		case path == "" || ended[o.ID]:
		case o.Kind == checkpoint.KindWait:
			open = append(open, fmt.Sprintf("%s until %s", path, o.Due.Format(minute)))
		case o.Kind == checkpoint.KindCallback:
			open = append(open, path)
		case o.Status == checkpoint.StatusPending:
			open = append(open, fmt.Sprintf("%s in %v", path, o.Due.Sub(p.now()).Round(time.Second)))
		}
	}
	p.list("waits for", open)
}

// attempted prints that a body has run, with what it logged.
func (p *printer) attempted(a replay.AttemptInfo, end replay.AttemptEnd) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := strings.Join(p.said[a.Path], "; ")
	delete(p.said, a.Path)
	switch {
	case end.Err != nil:
		p.print("failed", a.Path, strings.TrimPrefix(text+"; ", "; ")+fmt.Sprintf("attempt %d: %v", a.Number, end.Err))
	case a.Number > 1:
		p.print("ran", a.Path, strings.TrimSpace(fmt.Sprintf("%s (attempt %d)", text, a.Number)))
	default:
		p.print("ran", a.Path, text)
	}
}

// finished prints what the service has ended: a wait or a callback.
func (p *printer) finished(o replay.OperationInfo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reported[o.ID] { // by an invocation that was lost afterwards
		return
	}
	p.reported[o.ID] = true
	path := short(o.Path)
	switch {
	case o.Kind == string(checkpoint.KindWait):
		if p.brief == nil {
			p.print("over", path, "")
		}
	case o.Kind != string(checkpoint.KindCallback):
	case o.Status == string(checkpoint.StatusSucceeded):
		p.print("answered", path, o.Result)
	default:
		p.print("ended", path, strings.TrimSuffix(o.Status+": "+o.ErrorMessage, ": "))
	}
}

// body keeps what the body of an operation logs.
func (p *printer) body(path, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said[path] = append(p.said[path], text)
}

// ended prints how the execution ended and what it cost.
func (p *printer) ended() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.folded()
	rec := p.e.Record()
	kinds, retries := make(map[checkpoint.Kind]int), 0
	for _, o := range p.e.Operations() {
		kinds[o.Kind]++
	}
	for _, ev := range p.e.History() {
		if ev.NextAttemptDelay > 0 {
			retries++
		}
	}
	listed := []string{
		count(kinds[checkpoint.KindStep], "step"), count(retries, "retry"), count(kinds[checkpoint.KindWait], "wait"),
		count(kinds[checkpoint.KindCallback], "callback"), count(kinds[checkpoint.KindContext], "context"),
		count(kinds[checkpoint.KindChainedInvoke], "invoke"),
	}
	counted := retries - kinds[checkpoint.KindExecution]
	for _, n := range kinds {
		counted += n
	}
	listed = append(listed, count(rec.Metered-counted, "lost invocation"))
	fmt.Fprintf(p.w, "\n%s after %s, in %s\n", rec.Status, span(rec.End.Sub(rec.Start)), count(rec.Invocations, "invocation"))
	if rec.Failure != nil {
		fmt.Fprintf(p.w, "  %s: %s\n", rec.Failure.Type, strings.ReplaceAll(rec.Failure.Message, "\n", "; "))
	}
	fmt.Fprintf(p.w, "cost: %s (%s), %s, %s\n", count(rec.Metered, "operation"), join(listed),
		count(len(p.e.CheckpointCalls()), "checkpoint call"), count(rec.DataBytes, "byte"))
}

// list prints a line of names, and lines below it for those that have no room.
func (p *printer) list(what string, names []string) {
	text := ""
	for i, name := range names {
		if i < len(names)-1 {
			name += ","
		}
		if text != "" && len(indent)+len(text)+len(name) > wide {
			p.print(what, text, "")
			what, text = "", ""
		}
		text = strings.TrimSpace(text + " " + name)
	}
	if text != "" {
		p.print(what, text, "")
	}
}

// line prints a line.
func (p *printer) line(what, path, detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.print(what, path, detail)
}

// outsider prints a line about someone outside of the function.
func (p *printer) outsider(who, what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.brief != nil {
		p.print(who, "", what)
		return
	}
	if !p.outside {
		fmt.Fprintln(p.w)
	}
	p.print(who, what, "")
	p.outside = true
}

// minute is how times are written.
const minute = "2006-01-02 15:04"

// indent is as wide as the columns before the path.
const indent = "                              "

func (p *printer) print(what, path, detail string) {
	p.outside = false
	if p.brief != nil {
		p.printBrief(what, path, detail)
		return
	}
	at := ""
	if now := p.now().Truncate(time.Minute); !now.Equal(p.printed) {
		p.printed, at = now, now.Format(minute)
	}
	if path != "" && detail != "" {
		path = fmt.Sprintf("%-28s  ", path)
	}
	fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf("%-16s  %-10s  %s%s", at, what, path, detail), " "))
}
