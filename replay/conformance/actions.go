package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// What an [Action] may do.
const (
	actSuccess   = "success"
	actFailure   = "failure"
	actHeartbeat = "heartbeat"
)

// actor is the outside system of one execution: it answers its callbacks as a requirement says.
// Callbacks are answered in the order in which they were created, one after the other: each takes
// the first action that is left and is about it. After a heartbeat it is a callback like others.
type actor struct {
	service *local.Service
	clock   checkpoint.Clock
	vars    *Vars
	actions []Action

	mu   sync.Mutex
	left []Action
	// taken are the callbacks that an action is about to end, or that none is about.
	taken map[string]bool
	// due are the answers to come; the timer of the first is set.
	due []answer
	// problems are what the service said against an answer.
	problems []string
}

// answer is an action and the callback that it is about.
type answer struct {
	act      Action
	name, id string
}

func newActor(service *local.Service, clock checkpoint.Clock, vars *Vars, actions []Action) *actor {
	return &actor{
		service: service, clock: clock, vars: vars, actions: actions,
		left: slices.Clone(actions), taken: make(map[string]bool),
	}
}

func (a *actor) seen() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.problems)
}

// look finds the callbacks that are to be answered, and sets a timer for the first answer.
func (a *actor) look(history []local.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	idle := len(a.due) == 0
	for _, e := range history {
		if e.Type != local.EventCallbackStarted || a.taken[e.CallbackID] {
			continue
		}
		a.taken[e.CallbackID] = true
		i := slices.IndexFunc(a.left, func(act Action) bool { return a.isAbout(act, e.Name) })
		if i >= 0 {
			a.due = append(a.due, answer{act: a.left[i], name: e.Name, id: e.CallbackID})
			a.left = slices.Delete(a.left, i, i+1)
		} else if len(a.actions) > 0 {
			a.problems = append(a.problems, fmt.Sprintf("callback %q: the requirement has no answer to it", e.Name))
		}
	}
	if idle {
		a.next()
	}
}

// isAbout reports whether an action is about a callback.
func (a *actor) isAbout(act Action, name string) bool {
	if pattern := a.vars.regex.FindStringSubmatch(act.Callback); pattern != nil {
		found, err := search(pattern[1], name)
		if err != nil {
			a.problems = append(a.problems, fmt.Sprintf("action for %s: %v", act.Callback, err))
		}
		return found
	}
	return act.Callback == "*" || a.vars.Expand(act.Callback) == name
}

// next sets the timer of the first answer. Called with the lock held.
func (a *actor) next() {
	if len(a.due) == 0 {
		return
	}
	a.clock.AfterFunc(time.Duration(a.due[0].act.Delay*float64(time.Second)), a.send)
}

// send sends the first answer.
func (a *actor) send() {
	a.mu.Lock()
	first := a.due[0]
	a.mu.Unlock()
	err := a.answer(first.act, first.id)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		a.problems = append(a.problems, fmt.Sprintf("callback %q: %s: %v", first.name, first.act.Operation, err))
	}
	if first.act.Operation == actHeartbeat {
		delete(a.taken, first.id)
	}
	a.due = a.due[1:]
	a.next()
}

// failure is what an action of that kind sends.
type failure struct {
	Type    string   `json:"ErrorType"`
	Message string   `json:"ErrorMessage"`
	Data    string   `json:"ErrorData"`
	Stack   []string `json:"StackTrace"`
}

func (a *actor) answer(act Action, id string) error {
	if act.Operation == actHeartbeat {
		return a.service.Heartbeat(id)
	}
	payload, err := dump(&act.Payload, a.vars)
	if err != nil {
		return err
	}
	if act.Operation == actFailure {
		f, err := failureOf(payload)
		if err != nil {
			return err
		}
		return a.service.FailCallback(id, *f)
	}
	if payload == "null" { // nothing is sent
		return a.service.CompleteCallback(id, nil)
	}
	return a.service.CompleteCallback(id, []byte(payload))
}

// failureOf is the failure that a payload is.
func failureOf(payload string) (*checkpoint.Failure, error) {
	var f failure
	if err := json.Unmarshal([]byte(payload), &f); err != nil {
		return nil, fmt.Errorf("the payload of a failure: %w", err)
	}
	return (*checkpoint.Failure)(&f), nil
}

// check reports what an action lacks.
func (act *Action) check() error {
	if act.Callback == "" {
		return errors.New("conformance: a callback action has no CallbackName")
	}
	if !slices.Contains([]string{actSuccess, actFailure, actHeartbeat}, act.Operation) {
		return fmt.Errorf("conformance: a callback action is %q: want success, failure or heartbeat", act.Operation)
	}
	if act.Delay < 0 {
		return fmt.Errorf("conformance: a callback action comes %v seconds late: want none or more", act.Delay)
	}
	return nil
}
