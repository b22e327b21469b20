package replay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

const traceARN = "arn:aws:lambda:eu-central-1:123456789012:function:order:1/durable-execution/trace/1"

// traceService is the service of a trace: it keeps records, and answers a call when the script says
// so.
type traceService struct {
	r       *traceRun
	records map[string]*checkpoint.Operation
	order   []string
	token   int
	// untold are records that have changed since the function was last answered.
	untold map[string]bool
	// call is the call in flight; nil if there is none.
	call *traceCall
}

// traceCall is a checkpoint call that waits for its answer.
type traceCall struct {
	in   checkpoint.CheckpointInput
	done chan traceAnswer
}

type traceAnswer struct {
	out checkpoint.CheckpointOutput
	err error
}

func newTraceService(r *traceRun) *traceService {
	s := &traceService{r: r, records: make(map[string]*checkpoint.Operation), untold: make(map[string]bool)}
	s.put(&checkpoint.Operation{
		ID: "1", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted, Start: r.start,
		Payload: checkpoint.TextPayload("{}"),
	})
	return s
}

func (s *traceService) put(rec *checkpoint.Operation) {
	s.records[rec.ID] = rec
	s.order = append(s.order, rec.ID)
}

func (s *traceService) current() string { return fmt.Sprintf("token-%d", s.token) }

// traceClient is the client of one invocation.
type traceClient struct{ r *traceRun }

// Checkpoint implements checkpoint.Client: it waits for the script's answer.
func (c traceClient) Checkpoint(ctx context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	call := c.r.called(in)
	select {
	case a := <-call.done:
		return a.out, a.err
	case <-ctx.Done():
		return checkpoint.CheckpointOutput{}, ctx.Err()
	}
}

// State implements checkpoint.Client.
func (c traceClient) State(context.Context, checkpoint.StateInput) (checkpoint.StateOutput, error) {
	return checkpoint.StateOutput{}, errors.New("there are no more pages")
}

// label names a record in a trace: the names of those around it, and its own.
func (s *traceService) label(parent, name string) string {
	if up := s.records[parent]; up != nil {
		return s.label(up.ParentID, up.Name) + "/" + name
	}
	return name
}

// show describes an update.
func (s *traceService) show(u *checkpoint.Update, fresh map[string]string) string {
	var label string
	if up, ok := fresh[u.ParentID]; ok {
		label = up + "/" + u.Name
	} else {
		label = s.label(u.ParentID, u.Name)
	}
	fresh[u.ID] = label
	text := fmt.Sprintf("%s %s", u.Action, label)
	if u.Action == checkpoint.ActionStart {
		text += " (" + u.SubType + ")"
	}
	if u.Payload.Present() {
		payload := u.Payload.String()
		if len(payload) > 1<<10 {
			payload = fmt.Sprintf("%.10s… (%d bytes)", payload, len(payload))
		}
		text += " = " + payload
	}
	if f := u.Failure; f != nil {
		text += fmt.Sprintf(" ! %s: %s", f.Type, f.Message)
	}
	if u.Wait > 0 {
		text += fmt.Sprintf(" for %v", u.Wait)
	}
	if u.NextAttemptDelay > 0 {
		text += fmt.Sprintf(" after %v", u.NextAttemptDelay)
	}
	if u.ReplayChildren {
		text += " [children]"
	}
	return text
}

// tick ends waits and pauses whose time has come.
func (s *traceService) tick(now time.Time) {
	for _, id := range s.order {
		rec := s.records[id]
		switch {
		case rec.Kind == checkpoint.KindWait && rec.Status == checkpoint.StatusStarted && !rec.Due.After(now):
			rec.Status, rec.End = checkpoint.StatusSucceeded, rec.Due
		case rec.Kind == checkpoint.KindStep && rec.Status == checkpoint.StatusPending && !rec.Due.After(now):
			rec.Status = checkpoint.StatusReady
		default:
			continue
		}
		s.untold[id] = true
	}
}

// apply carries out an update.
func (s *traceService) apply(u *checkpoint.Update, now time.Time) error {
	rec := s.records[u.ID]
	if rec == nil {
		if u.Action != checkpoint.ActionStart && (u.Kind != checkpoint.KindContext && u.Kind != checkpoint.KindStep) {
			return fmt.Errorf("%s of %s without a START", u.Action, u.Name)
		}
		if up := s.records[u.ParentID]; u.ParentID != "" && up == nil {
			return fmt.Errorf("%s of %s whose parent has no record", u.Action, u.Name)
		}
		rec = &checkpoint.Operation{ID: u.ID, ParentID: u.ParentID, Name: u.Name, SubType: u.SubType, Kind: u.Kind, Start: now}
		s.put(rec)
	}
	if rec.Status.Terminal() {
		return fmt.Errorf("%s of %s, which is %s", u.Action, u.Name, rec.Status)
	}
	switch u.Action {
	case checkpoint.ActionStart:
		rec.Status, rec.Payload, rec.Failure = checkpoint.StatusStarted, checkpoint.Payload{}, nil
		if u.Kind == checkpoint.KindWait {
			rec.Due = now.Add(u.Wait)
		}
		if u.Kind == checkpoint.KindCallback {
			rec.CallbackID = "id of " + u.Name
		}
	case checkpoint.ActionSucceed:
		rec.Status, rec.Payload, rec.End, rec.ReplayChildren = checkpoint.StatusSucceeded, u.Payload, now, u.ReplayChildren
	case checkpoint.ActionFail:
		rec.Status, rec.Failure, rec.End = checkpoint.StatusFailed, u.Failure, now
	case checkpoint.ActionRetry:
		rec.Status, rec.Payload, rec.Failure = checkpoint.StatusPending, u.Payload, u.Failure
		rec.Due = now.Add(u.NextAttemptDelay)
	case checkpoint.ActionCancel:
		rec.Status, rec.End = checkpoint.StatusCancelled, now
	}
	if u.Kind == checkpoint.KindStep && u.Action != checkpoint.ActionStart {
		rec.Attempt++
	}
	s.untold[u.ID] = true
	return nil
}

// finish ends operations that an outside system ends: "name=text@5s", "name!message", or "name"
// alone for no text; without a time they end now. The time is that since the beginning of the
// execution.
func (s *traceService) finish(what string, now time.Time) error {
	what, at, timed := strings.Cut(what, "@")
	if timed {
		d, err := time.ParseDuration(at)
		if err != nil {
			return err
		}
		now = s.r.start.Add(d)
	}
	name, text, given := strings.Cut(what, "=")
	name, message, failed := strings.Cut(name, "!")
	for _, id := range slices.Backward(s.order) {
		rec := s.records[id]
		if s.label(rec.ParentID, rec.Name) != name && rec.Name != name || rec.Status.Terminal() {
			continue
		}
		switch rec.Kind {
		case checkpoint.KindWait, checkpoint.KindCallback, checkpoint.KindChainedInvoke:
		case checkpoint.KindExecution, checkpoint.KindContext, checkpoint.KindStep:
			continue
		}
		rec.Status, rec.End = checkpoint.StatusSucceeded, now
		if given {
			if rec.Kind == checkpoint.KindChainedInvoke {
				text = `"` + text + `"`
			}
			rec.Payload = checkpoint.TextPayload(text)
		}
		if failed {
			rec.Status, rec.Failure = checkpoint.StatusFailed, &checkpoint.Failure{Type: "Outside", Message: message}
		}
		s.untold[id] = true
		return nil
	}
	return fmt.Errorf("nothing that the outside ends is called %q", name)
}

// accept carries out the call in flight and returns its answer.
func (s *traceService) accept(mute bool) (checkpoint.CheckpointOutput, error) {
	now := s.r.now()
	for i := range s.call.in.Updates {
		if err := s.apply(&s.call.in.Updates[i], now); err != nil {
			return checkpoint.CheckpointOutput{}, err
		}
		if u := &s.call.in.Updates[i]; mute && !s.records[u.ID].Status.Terminal() {
			delete(s.untold, u.ID)
		}
	}
	s.token++
	return checkpoint.CheckpointOutput{Token: s.current(), Operations: s.unseen()}, nil
}

// unseen returns what the function does not know yet.
func (s *traceService) unseen() (ops []checkpoint.Operation) {
	for _, id := range s.order {
		if s.untold[id] {
			ops = append(ops, *s.records[id])
		}
	}
	clear(s.untold)
	return ops
}

// event is that of the next invocation.
func (s *traceService) event() ([]byte, error) {
	s.tick(s.r.now())
	in := checkpoint.Invocation{ARN: traceARN}
	for _, id := range s.order[1:] {
		if s.untold[id] {
			in.Updated = append(in.Updated, id)
		}
	}
	clear(s.untold)
	s.token++
	in.Token = s.current()
	for _, id := range s.order {
		in.Operations = append(in.Operations, *s.records[id])
	}
	return checkpoint.EncodeInvocation(in)
}
