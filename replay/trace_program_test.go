package replay_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// traceStmt is a statement of a program of a trace, or a branch of one: words, then what is in
// braces.
type traceStmt struct {
	// to is the variable that the statement sets; empty for none.
	to    string
	words []string
	inner []*traceStmt
}

// parseTrace parses a program: statements on lines of their own, or between semicolons.
func parseTrace(text string) ([]*traceStmt, error) {
	for _, sign := range []string{"{", "}", ";"} {
		text = strings.ReplaceAll(text, sign, "\n"+sign+"\n")
	}
	p := &traceParser{lines: strings.Split(text, "\n")}
	body, err := p.block()
	if err == nil && p.at < len(p.lines) {
		err = fmt.Errorf("line %d: a brace too many", p.at+1)
	}
	return body, err
}

type traceParser struct {
	lines []string
	at    int
}

func (p *traceParser) block() ([]*traceStmt, error) {
	var body []*traceStmt
	for ; p.at < len(p.lines); p.at++ {
		switch words := strings.Fields(p.lines[p.at]); {
		case len(words) == 0 || words[0] == ";":
		case words[0] == "}":
			return body, nil
		case words[0] == "{":
			if len(body) == 0 {
				return nil, errors.New("a brace after nothing")
			}
			p.at++
			inner, err := p.block()
			if err != nil || p.at == len(p.lines) {
				return nil, errors.Join(err, errors.New("a brace is missing"))
			}
			body[len(body)-1].inner = inner
		default:
			s := &traceStmt{words: words}
			if len(words) > 2 && words[1] == "=" {
				s.to, s.words = words[0], words[2:]
			}
			body = append(body, s)
		}
	}
	return body, nil
}

// arg is the n-th word after the first; empty if there are fewer.
func (s *traceStmt) arg(n int) string {
	if n+1 < len(s.words) {
		return s.words[n+1]
	}
	return ""
}

// has reports whether a word stands alone after the name.
func (s *traceStmt) has(word string) bool {
	return slices.Contains(s.words[1:], word)
}

// option is the number in a word such as open=2; zero if there is none.
func (s *traceStmt) option(name string) int {
	for _, w := range s.words[1:] {
		if text, ok := strings.CutPrefix(w, name+"="); ok {
			n, err := strconv.Atoi(text)
			if err != nil {
				panic(fmt.Sprintf("%s: %v", w, err))
			}
			return n
		}
	}
	return 0
}

// duration is the last argument that is a duration.
func (s *traceStmt) duration() time.Duration {
	for _, w := range s.words[1:] {
		if d, err := time.ParseDuration(w); err == nil {
			return d
		}
	}
	panic(fmt.Sprintf("%v: a duration is missing", s.words))
}

// traceScope is where statements run: a scope's context, and the futures that it can see.
type traceScope struct {
	r       *traceRun
	ctx     op.Context
	outer   *traceScope
	futures map[string]*replay.Future[string]
	results map[string]op.Op[string]
}

func (s *traceScope) child(ctx op.Context) *traceScope {
	return &traceScope{
		r: s.r, ctx: ctx, outer: s,
		futures: make(map[string]*replay.Future[string]), results: make(map[string]op.Op[string]),
	}
}

// result finds the operation that a variable stands for, in this scope or around it.
func (s *traceScope) result(name string) op.Op[string] {
	for at := s; at != nil; at = at.outer {
		if f := at.futures[name]; f != nil {
			return f.Result()
		}
		if o, ok := at.results[name]; ok {
			return o
		}
	}
	panic("no variable " + name)
}

// block runs statements until one fails. Its result is that of the last one with a result.
func (s *traceScope) block(body []*traceStmt) (last string, err error) {
	for _, st := range body {
		if st.words[0] == "defer" {
			defer func() { s.r.user("deferred %s%s", st.arg(0), lo2(replay.Suspending(s.ctx), " (suspending)", "")) }()
			continue
		}
		v, err := s.stmt(st)
		if err != nil {
			return "", err
		}
		if v != "" {
			last = v
		}
	}
	return last, nil
}

func lo2(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

// stmt runs a statement.
func (s *traceScope) stmt(st *traceStmt) (string, error) {
	switch st.words[0] {
	case "say":
		s.r.user("%s", strings.Join(st.words[1:], " "))
	case "now":
		s.r.user("now %s", s.r.since(replay.Now(s.ctx)))
	case "log":
		s.ctx.Logger().Info(strings.Join(st.words[1:], " ")) //nolint:sloglint // the script says what
	case "fail":
		return "", errors.New(strings.Join(st.words[1:], " "))
	case "panic":
		panic(strings.Join(st.words[1:], " "))
	case "goexit":
		runtime.Goexit()
	case "onend":
		replay.OnEnd(s.ctx, func(ctx context.Context, err error) {
			_, _ = s.r.body(ctx, "onend "+st.arg(0), fmt.Sprintf(" (error %v)", err))
		})
	case "lock":
		s.r.user("wants %s", st.arg(0))
		s.r.lock(st.arg(0)) <- struct{}{} // from here on the strand may have lost the turn
	case "unlock":
		<-s.r.lock(st.arg(0))
	case "hold":
		s.r.user("holds %s", st.arg(0))
		<-s.r.gate("signal " + st.arg(0))
		s.r.user("goes on after %s", st.arg(0))
	case "try":
		v, err := s.stmt(st.rest(1))
		if err != nil {
			s.r.user("error %v", err)
		}
		return v, nil
	case "go":
		s.futures[st.to] = replay.Go(s.ctx, s.op(st.rest(1)))
	case "cancel":
		err := replay.Cancel(s.ctx, s.futures[st.arg(0)])
		s.r.user("cancelled %s: %v", st.arg(0), err)
	case "callback":
		cb, err := replay.Run(s.ctx, op.CreateCallback[string](st.arg(0)))
		if err != nil {
			return "", err
		}
		s.results[st.to] = cb.Result()
	case "outer":
		return replay.Run(s.outer.ctx, s.op(st.rest(1)))
	case "aside":
		done := make(chan error)
		go func() {
			_, err := replay.Run(s.ctx, s.op(st.rest(1)))
			done <- err
		}()
		s.r.user("aside: %v", <-done)
	default:
		v, err := replay.Run(s.ctx, s.op(st))
		if err == nil {
			s.r.user("%s: %s", strings.Join(st.words[:min(2, len(st.words))], " "), v)
		}
		return v, err
	}
	return "", nil
}

// rest is the statement without its first words.
func (s *traceStmt) rest(n int) *traceStmt { return &traceStmt{words: s.words[n:], inner: s.inner} }

// op makes an operation.
func (s *traceScope) op(st *traceStmt) op.Op[string] {
	o := s.plain(st)
	undone := "undo " + st.arg(0)
	switch {
	case st.has("undo"):
		o = o.Undo(func(ctx context.Context, v string) error {
			_, err := s.r.body(ctx, undone, " of "+v)
			return err
		}, op.WithRetry(retry.Never()))
	case st.has("attempted"):
		o = o.UndoAttempted(func(ctx context.Context) error {
			_, err := s.r.body(ctx, undone, " (attempted)")
			return err
		}, op.WithRetry(retry.Never()))
	}
	if st.has("work") { // its result is encoded when the script says so
		o = o.WithCodec(codec.Of(func(v string) ([]byte, error) {
			_, err := s.r.body(context.Background(), "encode "+st.arg(0), "")
			return []byte(strconv.Quote(v)), err
		}, func(b []byte) (string, error) { return strconv.Unquote(string(b)) }))
	}
	return o
}

func (s *traceScope) plain(st *traceStmt) op.Op[string] {
	name := st.arg(0)
	switch st.words[0] {
	case "step":
		return s.step(st)
	case "wait":
		return op.Transform(op.Wait(name, st.duration()), over(name))
	case "until":
		return op.Transform(op.WaitUntil(name, s.r.start.Add(st.duration())), over(name))
	case "submit":
		var opts []op.WaitForCallbackOption
		if st.has("timed") {
			opts = append(opts, op.WithTimeout(st.duration()))
		}
		return op.WaitForCallback[string](name, func(ctx context.Context, _ string) error {
			_, err := s.r.body(ctx, "submit "+name, "")
			return err
		}, opts...)
	case "invoke":
		return op.Invoke[string](name, "other:1", "in")
	case "group":
		return op.Group(name, func(ctx op.Context) (string, error) { return s.child(ctx).block(st.inner) })
	case "use":
		return s.result(name)
	case "timeout":
		return op.Timeout(name, s.op(st.inner[0]), st.duration())
	case "race":
		return op.Race(name, s.ops(st)...).With(st.batch(s.r)...)
	case "any":
		return op.Any(name, s.ops(st)...).With(st.batch(s.r)...)
	case "select":
		return op.Transform(op.RaceWinner(name, s.ops(st)...), func(w op.Winner[string]) (string, error) {
			return fmt.Sprintf("%d %s %s", w.Index, w.Name, w.Value), nil
		})
	case "all":
		return op.Transform(op.All(name, s.ops(st)...), func(vs []string) (string, error) { return strings.Join(vs, ","), nil })
	case "settled":
		return op.Transform(op.AllSettled(name, s.ops(st)...), showBatch)
	case "map":
		return op.Transform(op.Parallel(name, s.ops(st), st.batch(s.r)...), showBatch)
	case "nest":
		return op.Step(name, func(context.Context) (string, error) { return replay.Run(s.ctx, s.op(st.rest(2))) })
	}
	panic("no operation " + st.words[0])
}

// batch are the options of a batch.
func (s *traceStmt) batch(r *traceRun) []op.BatchOption {
	var opts []op.BatchOption
	if n := s.option("open"); n > 0 {
		opts = append(opts, op.WithMaxConcurrency(n))
	}
	if n := s.option("run"); n > 0 {
		opts = append(opts, op.WithMaxRunning(n))
	}
	var rules []op.Completion
	if n := s.option("min"); n > 0 {
		rules = append(rules, op.MinSuccessful(n))
	}
	if s.has("completed") {
		rules = append(rules, op.AllCompleted())
	}
	if s.has("flat") {
		opts = append(opts, op.WithFlat())
	}
	if s.has("cancel") {
		opts = append(opts, op.WithCancelLosers())
	}
	if n := s.option("rule"); n > 0 {
		name := s.arg(0)
		rules = append(rules, op.CompleteWhen(func(p op.Progress) op.Verdict {
			r.user("rule of %s: %d started, %d succeeded, %d failed", name, p.Started, p.Succeeded, p.Failed)
			if p.Succeeded+p.Failed >= n {
				return op.VerdictSucceed
			}
			return op.VerdictContinue
		}))
	}
	if len(rules) > 0 {
		opts = append(opts, op.WithCompletion(rules...))
	}
	return opts
}

func (s *traceScope) ops(st *traceStmt) []op.Op[string] {
	ops := make([]op.Op[string], len(st.inner))
	for i, in := range st.inner {
		ops[i] = s.op(in)
	}
	return ops
}

// step makes a step whose body is scripted.
func (s *traceScope) step(st *traceStmt) op.Op[string] {
	name := st.arg(0)
	opts := []op.StepOption{op.WithRetry(retry.Never())}
	if n := st.option("retry"); n > 0 {
		opts[0] = op.WithRetry(retry.Fixed(10*time.Second, retry.MaxAttempts(n)))
	}
	switch {
	case st.has("once"):
		opts = append(opts, op.WithSemantics(op.AtMostOncePerRetry))
	case st.has("relaxed"):
		opts = append(opts, op.WithSemantics(op.Relaxed))
	}
	if st.has("crashes") {
		opts = append(opts, op.WithCrashCounting())
	}
	return op.Step(name, func(ctx context.Context) (string, error) {
		info, _ := op.InfoFrom(ctx)
		more := ""
		if info.Attempt > 1 {
			more = fmt.Sprintf(" attempt %d", info.Attempt)
		}
		if state, ok, err := op.StateFrom[string](ctx); ok || err != nil {
			more += " state " + state
		}
		return s.r.body(ctx, name, more)
	}, opts...)
}

// over is the result of what has none.
func over(name string) func(op.None) (string, error) {
	return func(op.None) (string, error) { return name, nil }
}

func showBatch(b op.Batch[string]) (string, error) {
	var text []string
	for _, it := range b.Items {
		text = append(text, fmt.Sprintf("%s=%s", it.Name, it.Status))
	}
	return string(b.Reason) + " " + strings.Join(text, " "), nil
}
