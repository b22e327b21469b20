package changes_test

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/internal/changes"
	"github.com/perdure/perdure/retry"
)

// code is a program as a handler.
type code struct {
	w *world
}

// handler is a version of the function.
func (c code) handler(program []*changes.Stmt, opts ...replay.HandlerOption) local.Handler {
	opts = append(opts, replay.WithErrors(codec.Sentinel("fails", errFails)))
	return replay.Handler(func(ctx op.Context, _ op.None) (string, error) { return c.run(ctx, program) }, opts...)
}

// run runs statements in a scope.
func (c code) run(ctx op.Context, list []*changes.Stmt) (string, error) {
	var words []string
	var futures []*replay.Future[string]
	add := func(v string, err error) error {
		if v != "" {
			words = append(words, v)
		}
		return err
	}
	for _, s := range list {
		if s.Kind == changes.Future {
			futures = append(futures, replay.Go(ctx, c.op(s.Body[0])))
			continue
		}
		if err := add(replay.Run(ctx, c.op(s))); err != nil {
			return "", err
		}
	}
	for _, f := range futures {
		if err := add(replay.Run(ctx, f.Result())); err != nil {
			return "", err
		}
	}
	return strings.Join(words, " "), nil
}

// side is a side of a declared change.
func (c code) side(list []*changes.Stmt) op.Op[string] {
	if len(list) == 1 && list[0].Kind != changes.Future {
		return c.op(list[0])
	}
	return op.Inline("side", func(ctx op.Context) (string, error) { return c.run(ctx, list) })
}

var errFails = errors.New("fails")

// large makes the result of a group too large for its record.
const large = 280 << 10

// op is the operation of a statement.
func (c code) op(s *changes.Stmt) op.Op[string] {
	name := s.Name
	var o op.Op[string]
	switch s.Kind {
	case changes.Declared:
		return c.declared(s)
	case changes.Step, changes.Flaky, changes.Future:
		opts := []op.StepOption{op.WithRetry(retry.Fixed(time.Minute, retry.MaxAttempts(3)))}
		if s.Relaxed {
			opts = append(opts, op.WithSemantics(op.Relaxed))
		}
		o = op.Step(name, func(ctx context.Context) (string, error) {
			c.w.ran(ctx)
			if info, _ := op.InfoFrom(ctx); s.Kind == changes.Flaky && info.Attempt == 1 {
				return "", errFails
			}
			return name, nil
		}, opts...)
		if s.Undo {
			o = o.Undo(c.undo)
		}
	case changes.Wait:
		o = op.Transform(op.Wait(name, time.Hour), func(op.None) (string, error) { return name, nil })
	case changes.Callback:
		o = op.WaitForCallback[string](name, func(ctx context.Context, id string) error {
			c.w.ran(ctx)
			return c.w.answer(id, name)
		})
	case changes.Invoke:
		o = op.Invoke[string](name, "echo", name)
	case changes.Condition:
		o = op.Transform(op.WaitForCondition(name, 0, func(ctx context.Context, n int) (int, bool, error) {
			c.w.ran(ctx)
			return n + 1, n > 0, nil
		}), func(int) (string, error) { return name, nil })
	case changes.Race:
		slow := op.Transform(op.Wait("slow", 240*time.Hour), func(op.None) (string, error) { return "slow", nil })
		o = op.Race(name, op.Step("fast", func(ctx context.Context) (string, error) {
			c.w.ran(ctx)
			return name, nil
		}), slow)
	case changes.Map:
		each := op.StepFunc("item", func(ctx context.Context, item string) (string, error) {
			c.w.ran(ctx)
			return item, nil
		}).Key(func(item string) string { return item })
		o = op.Transform(op.Map(name, []string{"1", "2", "3"}, each), func(b op.Batch[string]) (string, error) {
			return name + "(" + strings.Join(b.Values(), " ") + ")", nil
		})
	case changes.Group:
		o = c.group(s)
	}
	if s.Key != "" {
		o = o.Key(s.Key)
	}
	return o
}

func (c code) undo(ctx context.Context, _ string) error {
	c.w.ran(ctx)
	return nil
}

func (c code) group(s *changes.Stmt) op.Op[string] {
	g := op.Group(s.Name, func(ctx op.Context) (string, error) {
		v, err := c.run(ctx, s.Body)
		switch {
		case err != nil:
			return "", err
		case s.Fails:
			return "", errFails
		case s.Large:
			v += strings.Repeat(".", large)
		}
		return v, nil
	})
	inside := op.Transform(g, func(v string) (string, error) { return s.Name + "(" + strings.TrimRight(v, ".") + ")", nil })
	if !s.Fails {
		return inside
	}
	// How a failed group ends is a word, too: the statements after it go on.
	caught := inside.MapError(func(err error) error {
		if errors.Is(err, errFails) {
			return nil
		}
		return err
	})
	return op.Transform(caught, func(string) (string, error) { return s.Name + "!", nil })
}

// declared is a declared change.
func (c code) declared(s *changes.Stmt) op.Op[string] {
	switch s.Form {
	case changes.Added:
		return op.Added(c.side(s.New), changes.Skipped)
	case changes.Removed:
		return op.Transform(op.Removed(c.side(s.Old)), func(op.Past[string]) (string, error) { return "", nil })
	case changes.WasUndone:
		old := *s.Old[0]
		old.Undo = false
		return c.op(&old).WasUndone(c.undo)
	case changes.Replaced:
	}
	return op.Replaces(c.side(s.New), c.side(s.Old))
}

// logOf is what the log of an execution holds.
func (w *world) logOf(ops []checkpoint.Operation) changes.Log {
	log := changes.Log{Begun: map[string]bool{}, Ended: map[string]bool{}, Succeeded: map[string]bool{}}
	paths := make(map[string]string)
	nth := make(map[string]int)
	for _, o := range ops {
		if o.Kind == checkpoint.KindExecution {
			continue
		}
		path := o.Name
		if up := paths[o.ParentID]; up != "" {
			path = up + "/" + path
		}
		n := nth[path]
		if known, ok := w.nth[o.ID]; ok {
			n = known
		}
		if nth[path]++; n > 0 {
			path += "#" + string(rune('0'+n))
		}
		paths[o.ID] = path
		log.Begun[path] = true
		log.Ended[path] = o.Status.Terminal()
		log.Succeeded[path] = o.Status == checkpoint.StatusSucceeded
	}
	return log
}
