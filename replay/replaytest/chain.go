package replaytest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/subtype"
)

// Round is an execution that has ended by replay.ContinueAsNew: an earlier one of a chain.
type Round struct {
	// ARN and Name are those of the execution.
	ARN, Name string
	// Input is what it was given, as a payload; it is not known with [Cloud].
	Input string
	// Invocations is how often the function was invoked, Metered how many operations the service
	// counts, Bytes how much it stored; the last two are not known with [Cloud].
	Invocations, Metered, Bytes int
}

// Started is an execution that op.Start has started.
type Started struct {
	// Path is that of the operation.
	Path string
	// ARN, Name and Function are those of the execution. Function has no region and no account; it
	// ends with the version, or the alias, if there is one.
	ARN, Name, Function string
	// Input is what it was given, as a payload; it is not known of one that a stub stands for, nor
	// with [Cloud].
	Input string
}

// Decode decodes the JSON of the input into v, a pointer.
func (s Started) Decode(v any) error {
	if err := json.Unmarshal([]byte(s.Input), v); err != nil {
		return fmt.Errorf("replaytest: the input of what %q has started: %w", s.Path, err)
	}
	return nil
}

// chain are the executions that continue each other.
type chain struct {
	mu    sync.Mutex      // guards what follows
	ahead map[string]*kit // the execution that continues, and those that are to follow it, by ARN
	past  []Round
	over  string // what was over the budget; empty for nothing
}

// roundOf is the kit of the execution that an event is of: with determinism, paths and runs of its
// own. A successor may run before the execution that has started it has ended.
func (k *kit) roundOf(event []byte) *kit {
	var e struct {
		ARN string `json:"DurableExecutionArn"`
	}
	if json.Unmarshal(event, &e) != nil || k.exec == nil || e.ARN == k.exec.ARN() {
		return k
	}
	exec, ok := k.svc.Execution(e.ARN)
	if !ok {
		return k
	}
	return k.round(exec)
}

// round is the kit of another execution of the chain.
func (k *kit) round(exec *local.Execution) *kit {
	k.chain.mu.Lock()
	defer k.chain.mu.Unlock()
	if r, ok := k.chain.ahead[exec.ARN()]; ok {
		return r
	}
	r := emptyKit(k.cfg)
	r.number, r.clock, r.svc, r.exec, r.chain = k.number, k.clock, k.svc, exec, k.chain
	r.body, r.waits, r.rest, r.resume, r.budgeted = k.body, k.waits, k.rest, k.resume, k.budgeted
	k.chain.ahead[exec.ARN()] = r
	return r
}

// through runs the execution as drive does, and then those that continue it. It returns the kit of
// the last one.
func (k *kit) through(ctx context.Context, drive func(k *kit, ctx context.Context) error) (*kit, error) {
	for {
		if err := drive(k, ctx); err != nil {
			return k, err
		}
		next, ok := k.successor()
		if !ok {
			return k, nil
		}
		var err error
		if k, err = k.follow(ctx, next); err != nil {
			return k, err
		}
	}
}

// successor is the execution that continues this one.
func (k *kit) successor() (*local.Execution, bool) {
	if k.exec.Status() != local.StatusSucceeded {
		return nil, false
	}
	arn, ok := checkpoint.ContinuedAs(k.exec.Result())
	if !ok {
		return nil, false
	}
	return k.svc.Execution(arn)
}

// follow goes on to the successor, and forgets the execution: a chain is longer than the memory.
func (k *kit) follow(ctx context.Context, exec *local.Execution) (*kit, error) {
	next, rec := k.round(exec), k.exec.Record()
	complaints, over := k.complaints(), k.overBudget()
	k.note(func() {
		next.note(func() {
			for _, c := range complaints {
				if !slices.Contains(next.earlier, c) {
					next.earlier = append(next.earlier, c)
				}
			}
			for s := range k.used {
				next.used[s] = true
			}
			for path := range k.replied {
				next.replied[path] = true
			}
			next.started = append(k.started, next.started...)
		})
	})
	started := k.starts()
	next.note(func() { next.started = append(next.started, started...) })
	k.chain.mu.Lock()
	defer k.chain.mu.Unlock()
	delete(k.chain.ahead, rec.ARN)
	k.chain.over = over
	k.chain.past = append(k.chain.past, Round{
		ARN: rec.ARN, Name: rec.Name, Input: rec.Input.String(), Invocations: rec.Invocations, Metered: rec.Metered, Bytes: rec.DataBytes,
	})
	_, err := k.svc.Delete(ctx, checkpoint.DeleteInput{ARN: rec.ARN})
	return next, err
}

// overBudget says what this execution, or an earlier one of the chain, is over the budget; empty
// for nothing.
func (k *kit) overBudget() string {
	k.chain.mu.Lock()
	over, n := k.chain.over, len(k.chain.past)
	k.chain.mu.Unlock()
	if over != "" {
		return over
	}
	list := k.cfg.budget.exceeded(costOf(k.exec))
	if len(list) > 0 && n > 0 {
		list[0] = fmt.Sprintf("execution %d of the chain: %s", n+1, list[0])
	}
	return strings.Join(list, "; ")
}

// starts are the executions that operations of this one have started.
func (k *kit) starts() (list []Started) {
	for _, o := range k.operations() {
		if o.SubType != subtype.Start || o.Status != checkpoint.StatusSucceeded || o.Path == successorPath {
			continue
		}
		s := startedBy(o)
		if e, ok := k.svc.Execution(s.ARN); ok {
			s.Input = e.Record().Input.String()
		}
		list = append(list, s)
	}
	return list
}

// successorPath is that of the step that starts a successor.
const successorPath = "continue-as-new"

// startedBy is what the record of a start says.
func startedBy(o Operation) Started {
	s := Started{Path: o.Path}
	if json.Unmarshal([]byte(o.Result), &s.ARN) != nil {
		return s
	}
	if _, function, ok := strings.Cut(checkpoint.FunctionARN(s.ARN), ":function:"); ok {
		s.Name, s.Function = checkpoint.ExecutionName(s.ARN), function
	}
	return s
}
