package changes_test

import (
	"context"
	"errors"
	"log/slog"
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
	opts = append(opts, replay.WithErrors(codec.Sentinel("fails", errFails)), replay.WithLogHandler(slog.DiscardHandler))
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
	await := func() error {
		for _, f := range futures {
			if err := add(replay.Run(ctx, f.Result())); err != nil {
				return err
			}
		}
		futures = nil
		return nil
	}
	for _, s := range list {
		var err error
		switch {
		case s.Kind == changes.Await:
			err = await()
		case s.Kind == changes.Future && s.Forgotten:
			replay.Go(ctx, c.op(s.Body[0]))
		case s.Kind == changes.Future:
			futures = append(futures, replay.Go(ctx, c.op(s.Body[0])))
		default:
			err = add(replay.Run(ctx, c.op(s)))
		}
		if err != nil {
			return "", err
		}
	}
	err := await()
	return strings.Join(words, " "), err
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

// op is the operation of a statement. Its result says so if it is that of another one.
func (c code) op(s *changes.Stmt) op.Op[string] {
	if s.Kind == changes.Declared {
		return c.declared(s)
	}
	o := op.Transform(c.plain(s), func(v string) (string, error) {
		if !strings.HasPrefix(v, s.Value()) {
			return s.Value() + " has the result of " + v, nil
		}
		return v, nil
	})
	if s.Undo {
		o = o.Undo(c.undo)
	}
	if s.Key != "" {
		o = o.Key(s.Key)
	}
	return o
}

// plain is the operation of a statement that is not a declared change.
func (c code) plain(s *changes.Stmt) op.Op[string] {
	name, value := s.Name, s.Value()
	again := op.WithRetry(retry.Fixed(time.Minute, retry.MaxAttempts(3)))
	switch s.Kind {
	case changes.Step, changes.Flaky:
		opts := []op.StepOption{again}
		if s.Relaxed {
			opts = append(opts, op.WithSemantics(op.Relaxed))
		}
		return op.Step(name, func(ctx context.Context) (string, error) {
			c.w.ran(ctx)
			if info, _ := op.InfoFrom(ctx); s.Kind == changes.Flaky && info.Attempt == 1 {
				return "", errFails
			}
			return value, nil
		}, opts...)
	case changes.Retry:
		return op.Retry(name, op.Step("try", func(ctx context.Context) (string, error) {
			c.w.ran(ctx)
			if c.w.first(name) {
				return "", errFails
			}
			return value, nil
		}, op.WithRetry(retry.Never())), retry.Fixed(time.Minute, retry.MaxAttempts(30)))
	case changes.Wait:
		return op.Transform(op.Wait(name, time.Hour), func(op.None) (string, error) { return value, nil })
	case changes.Callback, changes.Never:
		return op.WaitForCallback[string](name, func(ctx context.Context, id string) error {
			c.w.ran(ctx)
			if s.Kind == changes.Never {
				return nil
			}
			return c.w.answer(id, value)
		})
	case changes.Invoke:
		return op.Invoke[string](name, "echo", value)
	case changes.Condition:
		return op.Transform(op.WaitForCondition(name, 0, func(ctx context.Context, n int) (int, bool, error) {
			c.w.ran(ctx)
			return n + 1, n > 0, nil
		}), func(int) (string, error) { return value, nil })
	case changes.Race:
		slow := op.Transform(op.Wait("slow", 240*time.Hour), func(op.None) (string, error) { return value + "-slow", nil })
		return op.Race(name, op.Step("fast", func(ctx context.Context) (string, error) {
			c.w.ran(ctx)
			return value, nil
		}), slow)
	case changes.Map:
		each := op.StepFunc("item", func(ctx context.Context, item string) (string, error) {
			c.w.ran(ctx)
			return item, nil
		}).Key(func(item string) string { return item })
		return op.Transform(op.Map(name, []string{"1", "2", "3"}, each), func(b op.Batch[string]) (string, error) {
			return value + "(" + strings.Join(b.Values(), " ") + ")", nil
		})
	case changes.Group, changes.Open:
		return c.group(s)
	case changes.Batch:
		return c.batch(s)
	case changes.Future, changes.Await, changes.Declared:
	}
	panic("no operation: " + s.String())
}

func (c code) undo(ctx context.Context, _ string) error {
	c.w.ran(ctx)
	return nil
}

// group is a group, an open parallel or a branch of one.
func (c code) group(s *changes.Stmt) op.Op[string] {
	body := func(ctx op.Context) (string, error) {
		v, err := c.run(ctx, s.Body)
		switch {
		case err != nil:
			return "", err
		case s.Fails && !s.Late:
			return "", errFails
		case s.Large:
			v += strings.Repeat(".", large)
		}
		return v, nil
	}
	var opts []op.GroupOption
	if s.Most > 0 {
		opts = append(opts, op.WithMaxConcurrency(s.Most))
	}
	var g op.Op[string]
	switch {
	case s.Kind == changes.Open:
		g = op.OpenParallel(s.Name, body, opts...)
	case s.Branch:
		g = op.Branch(s.Name, body, opts...)
	default:
		g = op.Group(s.Name, body, opts...)
	}
	return caught(s, op.Transform(g, func(v string) (string, error) { return s.Value() + "(" + strings.TrimRight(v, ".") + ")", nil }))
}

// caught is an operation whose failure is a word, too, so that what comes after it goes on.
func caught(s *changes.Stmt, o op.Op[string]) op.Op[string] {
	if !s.Fails || s.Loud {
		return o
	}
	failed := o.MapError(func(err error) error {
		if errors.Is(err, errFails) {
			return nil
		}
		return err
	})
	return op.Transform(failed, func(string) (string, error) { return s.Value() + "!", nil })
}

// declared is a declared change.
func (c code) declared(s *changes.Stmt) op.Op[string] {
	switch s.Form {
	case changes.Added:
		return op.Added(c.side(s.New), changes.Skipped)
	case changes.Bare:
		return c.side(s.New)
	case changes.Removed:
		return op.Transform(op.Removed(c.side(s.Old)), func(op.Past[string]) (string, error) { return "", nil })
	case changes.WasUndone:
		old := *s.Old[0]
		old.Undo = false
		return c.op(&old).WasUndone(c.undo)
	case changes.Replaced, changes.Gone:
	}
	if s.Short && s.New[0].Name != s.Old[0].Name {
		return c.op(s.New[0]).Was(s.Old[0].Name)
	}
	if s.Short {
		return c.op(s.New[0]).WasKey(s.Old[0].Key)
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
