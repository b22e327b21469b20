package cli

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/process"
	"github.com/perdure/perdure/internal/rehearsal"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// rehearser rehearses executions with a build of a function, in processes of it that carry out no
// invocations.
type rehearser struct {
	name    string
	process *process.Function
	sources sources

	mu   sync.Mutex
	said []string // the last lines that the program has written
}

// nowhere is an address at which nothing listens: a build that does not know rehearsals reaches no
// service.
const nowhere = "http://127.0.0.1:1"

// module is what a durable function is built with.
const module = "github.com/perdure/perdure"

// newRehearser makes a rehearser of a program, and asks the program whether it is one that answers.
// folder is where it was built, if it was.
func newRehearser(ctx context.Context, name, binary, folder string) (r *rehearser, err error) {
	r = &rehearser{name: name}
	if info, err := buildinfo.ReadFile(binary); err == nil {
		if !usesPerdure(info) {
			return nil, codeError{fmt.Errorf("%s is no durable function: its program is built without %s", name, module)}
		}
		r.sources = sourcesOf(info, folder)
	}
	r.process, err = process.New(binary, process.WithEndpoint(nowhere), process.WithInheritedEnv(), process.WithMaxProcesses(2),
		process.WithEnv(rehearsal.Variable+"=1"), process.WithOutput(r.line))
	if err != nil {
		return nil, err
	}
	if _, err := r.ask(ctx, checkpoint.Invocation{}); err != nil {
		return nil, errors.Join(err, r.process.Close())
	}
	return r, nil
}

func usesPerdure(info *buildinfo.BuildInfo) bool {
	if info.Main.Path == module || strings.HasPrefix(info.Main.Path, module+"/") {
		return true
	}
	for _, d := range info.Deps {
		if d.Path == module {
			return true
		}
	}
	return false
}

// line keeps what the program writes: it may say why it does not start.
func (r *rehearser) line(l process.Line) {
	const most = 10
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.said = append(r.said, l.Text); len(r.said) > most {
		r.said = r.said[1:]
	}
}

func (r *rehearser) close() error { return r.process.Close() }

// ask rehearses an execution. The error says that there was no rehearsal.
func (r *rehearser) ask(ctx context.Context, log checkpoint.Invocation) (a rehearsal.Answer, err error) {
	event, err := rehearsal.Ask(log)
	if err != nil {
		return a, err
	}
	out, err := r.process.Invoke(ctx, event)
	if err != nil {
		return a, r.explain(ctx, err)
	}
	if err := json.Unmarshal(out, &a); err != nil || a.Version == 0 {
		return a, codeError{fmt.Errorf("%s does not answer rehearsals, but with %s: its program is to give events to a replay.Handler",
			r.name, cut(string(out), 60))}
	}
	r.sources.locate(&a)
	return a, nil
}

// explain says why a program does not answer.
func (r *rehearser) explain(ctx context.Context, err error) error {
	failed, ok := errors.AsType[*local.FunctionError](err)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !ok:
		return codeError{fmt.Errorf("rehearse %s: %w", r.name, err)}
	case strings.Contains(failed.Failure.Message, checkpoint.ErrNotDurable.Error()):
		return codeError{fmt.Errorf("%s is built with a version of perdure that cannot rehearse; update %s in its go.mod", r.name, module)}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	text := view.FailureText(&failed.Failure)
	if len(r.said) > 0 {
		text += "\n" + strings.Join(r.said, "\n")
	}
	return codeError{fmt.Errorf("rehearse %s: the program of the function fails: %s", r.name, text)}
}
