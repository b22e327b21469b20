package cli

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/rehearsal"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// todayOf are the operations that an execution ends as the code was before.
func todayOf(declared []rehearsal.Declared) []view.Today {
	all := []view.Today{}
	for _, d := range declared {
		if d.Old && d.ID != "" {
			all = append(all, view.Today{ID: d.ID, Now: d.Now})
		}
	}
	return all
}

// today says what the code of today calls operations of an execution: the code of a folder, or that
// which perdure dev runs. Who cannot ask, or is not answered, does without; a folder whose code
// cannot be asked is mentioned.
func (a *app) today(ctx context.Context, e *described, o *showOptions) []view.Today {
	if local.Status(e.Status).Terminal() || e.EndTimestamp != nil {
		return nil
	}
	arn := aws.ToString(e.DurableExecutionArn)
	if o.code == "" {
		return a.todayOfDev(ctx, arn)
	}
	declared, err := a.declaredBy(ctx, o, arn)
	if err != nil && ctx.Err() == nil {
		a.say("what %s calls the operations is not known: %v", o.code, err)
	}
	return todayOf(declared)
}

// declaredBy rehearses an execution with the code of a folder.
func (a *app) declaredBy(ctx context.Context, o *showOptions, arn string) (declared []rehearsal.Declared, err error) {
	name, path, err := functionArg(o.code)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "perdure-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary, err := buildFor(ctx, name, path, dir, "")
	if err != nil {
		return nil, err
	}
	source := apiLogs{a, a.onAWS()}
	log, running, err := source.log(ctx, arn)
	if err != nil || !running {
		return nil, err
	}
	answer, err := rehearseOnce(ctx, name, binary, path, log)
	if err != nil {
		return nil, err
	}
	v := verdict{Answer: answer}
	if v.class() == classDiverges || v.class() == classFails {
		a.say("the code of %s does not fit the execution: perdure compat %s says why", filepath.Base(path), o.code)
	}
	return answer.Declared, nil
}

// rehearseOnce rehearses one execution with a program.
func rehearseOnce(ctx context.Context, name, binary, path string, log checkpoint.Invocation) (a rehearsal.Answer, err error) {
	r, err := newRehearser(ctx, name, binary, folderOf(path))
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	return r.ask(ctx, log)
}

// todayPath is where perdure dev says it of an execution.
const (
	todayBefore = "/perdure/durable-executions/"
	todayAfter  = "/today"
)

// todayOfDev asks perdure dev. Other services do not know.
func (a *app) todayOfDev(ctx context.Context, arn string) (all []view.Today) {
	if !a.askDev(ctx, arn, todayAfter, &all) {
		return nil
	}
	return all
}

// askDev asks the service on this machine what AWS has no call for. ok is false if it does not
// know.
func (a *app) askDev(ctx context.Context, arn, what string, out any) (ok bool) {
	if a.onAWS() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	address := strings.TrimSuffix(a.serviceURL(), "/") + todayBefore + url.PathEscape(arn) + what
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false
	}
	res, err := knownService{http.DefaultClient}.Do(r)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }() // it was read
	return res.StatusCode == http.StatusOK && json.NewDecoder(res.Body).Decode(out) == nil
}

// mostAsked is how long perdure dev takes to find out what the code calls the operations of an
// execution: who looks at the execution waits for it.
const mostAsked = 5 * time.Second

// mostKnown is of how many executions it is kept.
const mostKnown = 1000

// asked is what was found out of executions that have begun under other code.
type asked struct {
	mu  sync.Mutex // guards what follows, and rehearsals: one at a time
	all map[string]answered
}

// answered is what the code of a build calls the operations of an execution.
type answered struct {
	build string
	today []view.Today
}

// today says what the code that runs calls operations of an execution. Of one that has begun under
// that code there are none.
func (s *site) today(ctx context.Context, arn string) []view.Today {
	e, ok := s.service.Execution(arn)
	if !ok || e.Status().Terminal() {
		return nil
	}
	r := e.Record()
	for _, f := range s.functions {
		if binary, hash := f.built(); f.name == functionOf(r.Function) && binary != "" && s.builds.at(f.name, r.Start) != hash {
			return s.asked.of(ctx, f, e, binary, hash)
		}
	}
	return nil
}

// of rehearses an execution, once for each build.
func (q *asked) of(ctx context.Context, f *function, e *local.Execution, binary, hash string) []view.Today {
	q.mu.Lock()
	defer q.mu.Unlock()
	if known, ok := q.all[e.ARN()]; ok && known.build == hash {
		return known.today
	}
	ctx, cancel := context.WithTimeout(ctx, mostAsked)
	defer cancel()
	answer, err := rehearseOnce(ctx, f.name, binary, f.path, e.Log())
	if err != nil {
		return nil // it is asked again
	}
	if q.all == nil || len(q.all) == mostKnown {
		q.all = make(map[string]answered)
	}
	q.all[e.ARN()] = answered{hash, todayOf(answer.Declared)}
	return q.all[e.ARN()].today
}

// serveToday answers who asks that of an execution; false if the request is another one.
func (s *site) serveToday(w http.ResponseWriter, r *http.Request) bool {
	path := r.URL.EscapedPath()
	rest, ok := strings.CutPrefix(path, todayBefore)
	if !ok {
		return false
	}
	rest, ok = strings.CutSuffix(rest, todayAfter)
	arn, err := url.PathUnescape(rest)
	if !ok || err != nil || r.Method != http.MethodGet {
		return false
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Requestid", "today")                                         // as answers of the API beside it: see knownService
	_ = json.NewEncoder(w).Encode(append([]view.Today{}, s.today(r.Context(), arn)...)) // who does not read it asks again
	return true
}
