package cli_test

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

func TestStartWithWait(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, payload string
		args            []string
		want            outcome
	}{
		{
			reason:  "progress goes to standard error, whenever it changes; the result to standard output",
			payload: `{"id":"A-1","items":["tie"]}`,
			want: outcome{
				out: "\"A-1 paid, collected by Ann\"\n",
				err: lines(
					"arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST/durable-execution/run/6c9f…",
					`waiting for attempt 2 of step "pack", in 1m30s (the last one failed: it fell down)`,
					`waiting for callback "collected-callback" (times out in 2d); complete it with: perdure callback succeed YXJu… '<JSON of its type>' (the code has the type; for a string: --text '<text>')`,
					`waiting for wait "cool-off", which ends in 36h`,
				),
			},
		},
		{
			reason:  "an execution that fails says why, and the exit code says that it did",
			payload: `{"id":"B-1","items":["hat"]}`,
			want: outcome{
				err: lines(
					"arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST/durable-execution/run/6c9f…",
					"FAILED: the card is empty",
				),
				code: cli.ExitFailed,
			},
		},
		{
			reason:  "JSON for scripts",
			payload: `{"id":"B-2","items":[]}`,
			args:    []string{"-o", "json"},
			want: outcome{
				out: lines("{",
					`  "executionArn": "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST/durable-execution/run/6c9f…",`,
					`  "name": "run",`,
					`  "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST",`,
					`  "status": "FAILED",`,
					`  "start": "2026-03-02T09:00:00Z",`,
					`  "end": "2026-03-02T09:00:00Z",`,
					`  "input": "{\"id\":\"B-2\",\"items\":[]}",`,
					`  "error": {`,
					`    "type": "Error",`,
					`    "message": "the order is empty"`,
					`  }`,
					"}"),
				err: lines(
					"arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST/durable-execution/run/6c9f…",
					"FAILED: the order is empty",
				),
				code: cli.ExitFailed,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.payload, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			got := s.serve(append([]string{"start", "order:live", tt.payload, "--name", "run", "--wait"}, tt.args...)...)
			got.err = withoutInvoking(got.err)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(outcome{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// sleeper is a function that waits for an hour, that many times.
func sleeper(ctx op.Context, n int) (int, error) {
	for i := range n {
		if err := replay.Exec(ctx, op.Wait("nap", time.Hour).Key(strconv.Itoa(i))); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// meanwhile runs a command, has hours pass as soon as it has printed a line that begins like this,
// and returns what it has printed in the end.
func (s *site) meanwhile(begin string, hours int, args ...string) outcome {
	s.t.Helper()
	said := &told{lines: make(chan string, 1000)}
	var out told
	out.lines = said.lines
	done := make(chan outcome, 1)
	go func() {
		code := cli.Run(s.t.Context(), args, cli.Streams{Out: &out, Err: said, Now: s.clock.Now, Getenv: func(key string) string { return s.env[key] }})
		done <- outcome{s.scrub(out.String()), s.scrub(said.String()), code}
	}()
	for line := ""; !strings.HasPrefix(line, begin); {
		select {
		case line = <-said.lines:
		case o := <-done:
			s.t.Fatalf("%+v", o)
		case <-time.After(20 * time.Millisecond):
		}
		s.settle()
	}
	s.advance(time.Duration(hours) * time.Hour) // before the next look
	return <-done
}

// What is over before the program looks again is reported as well, as it was then.
func TestWaitMissesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := s.service.Host("sleeper", replay.Handler(sleeper)); err != nil {
		t.Fatal(err)
	}
	got := s.meanwhile("waiting for", 3, "start", "sleeper:live", "3", "--name", "run", "--wait")
	want := outcome{out: "3\n", err: lines(
		"arn:aws:lambda:us-east-1:123456789012:function:sleeper:$LATEST/durable-execution/run/6c9f…",
		`waiting for wait "nap[0]", which ends in 1h`, `waiting for wait "nap[1]", which ends in 1h`, `waiting for wait "nap[2]", which ends in 1h`,
	)}
	got.err = withoutInvoking(got.err)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(outcome{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// More events than a page has are read to the last that is known, and come in order.
func TestFollowMissesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := s.service.Host("sleeper", replay.Handler(sleeper)); err != nil {
		t.Fatal(err)
	}
	s.run("start", "sleeper:live", "80", "--name", "run")
	s.settle()
	history := []string{"history", "run", "-f", "sleeper", "-o", "json"}
	got := s.meanwhile("{", 80, append(history, "--follow")...)
	whole := s.run(history...)
	if diff := cmp.Diff(strings.Split(whole.out, "\n"), strings.Split(got.out, "\n")); diff != "" || got.code != 0 {
		t.Errorf("exit code %d (-history +follow):\n%s", got.code, diff)
	}
	if n := strings.Count(got.out, "\n"); n < 240 {
		t.Errorf("there are %d events only", n)
	}
}

// A command that waits for an execution that has been under way for long says only of what comes.
func TestWaitForWhatThereIs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	payload := `{"id":"A-1","items":["tie"]}`
	s.run("start", "order:live", payload, "--name", "run")
	s.advance(time.Hour)
	got := s.serve("start", "order:live", payload, "--name", "run", "--wait")
	want := lines(
		"arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST/durable-execution/run/6c9f…",
		`waiting for callback "collected-callback" (times out in 47h2m); complete it with: perdure callback succeed YXJu… '<JSON of its type>' (the code has the type; for a string: --text '<text>')`,
		`waiting for wait "cool-off", which ends in 36h`,
	)
	if diff := cmp.Diff(want, withoutInvoking(got.err)); diff != "" || got.code != 0 {
		t.Errorf("exit code %d (-want +got):\n%s", got.code, diff)
	}
	again := s.run("start", "order:live", payload, "--name", "run", "--wait") // it has ended
	if diff := cmp.Diff(lines(strings.Split(want, "\n")[0]), again.err); diff != "" || again.out != got.out || again.code != 0 {
		t.Errorf("%+v (-want +got):\n%s", again, diff)
	}
}

// serve runs a command that waits. Whenever it says what for, that happens.
func (s *site) serve(args ...string) outcome {
	s.t.Helper()
	said := &told{lines: make(chan string, 100)}
	done := make(chan outcome, 1)
	go func() { done <- s.runWith(s.t.Context(), "", said, args...) }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for {
		select {
		case o := <-done:
			return o
		case line := <-said.lines:
			switch at, ok := s.clock.Next(); {
			case !strings.HasPrefix(line, "waiting for"), strings.HasPrefix(line, "waiting for function"): // that goes on by itself
			case s.waits():
				s.run("callback", "succeed", s.callback(), "--text", "Ann")
			case ok:
				s.clock.AdvanceTo(at)
			}
		case <-tick.C:
		case <-limit:
			s.t.Fatal("the command does not end")
		}
		s.settle()
	}
}

// What a command writes, by the line.
type told struct {
	bytes.Buffer

	lines chan string
}

func (w *told) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		w.lines <- line
	}
	return w.Buffer.Write(p)
}

func (s *site) waits() bool {
	for _, e := range s.service.Executions() {
		for _, o := range e.Operations() {
			if o.CallbackID != "" && !o.Status.Terminal() {
				return true
			}
		}
	}
	return false
}

// withoutInvoking leaves out what is seen only if the program looks while a function runs.
func withoutInvoking(text string) string {
	return regexp.MustCompile(`(?m)^(its function is being invoked|the body of .*|waiting for function .*)\n`).ReplaceAllString(text, "")
}

func lines(all ...string) string { return strings.Join(all, "\n") + "\n" }

func TestWaitIsInterrupted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(700*time.Millisecond, cancel)
	got := s.runIn(ctx, `{"id":"A-1","items":["hat"]}`, "start", "order:live", "-", "--wait")
	if got.code != cli.ExitInterrupted || got.out != "" || strings.Contains(got.err, "context canceled") {
		t.Errorf("got %+v", got)
	}
	if all := s.service.Executions(); len(all) != 1 || all[0].Status() != local.StatusRunning {
		t.Errorf("the execution does not go on: %v", all)
	}
}

// What an execution waits for, by whatever it waits for.
func TestWaitingFor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		reason string
		run    func(ctx op.Context, n int) (int, error)
		host   local.Handler // if it is no function of this library
		want   string
	}{
		{
			name: "wait", reason: "the next thing that happens is its end",
			run: func(ctx op.Context, _ int) (int, error) {
				return 0, replay.Exec(ctx, op.Wait("nap", 49*time.Hour))
			},
			want: `waiting for wait "nap", which ends in 2d1h`,
		},
		{
			name: "callback without a timeout", reason: "someone must act",
			run: func(ctx op.Context, _ int) (int, error) {
				c, err := replay.Run(ctx, op.CreateCallback[int]("answer"))
				if err != nil {
					return 0, err
				}
				return replay.Run(ctx, c.Result())
			},
			want: `waiting for callback "answer" (no time-out: it waits until it is answered); complete it with: perdure callback succeed YXJu… '<JSON of its type>' (the code has the type; for a string: --text '<text>')`,
		},
		{
			name: "branches", reason: "who must act comes first, the others are counted",
			run: func(ctx op.Context, _ int) (int, error) {
				nap := op.Transform(op.Wait("nap", time.Hour), func(op.None) (int, error) { return 0, nil })
				ask := op.WaitForCallback[int]("ask", func(context.Context, string) error { return nil })
				return 0, replay.Exec(ctx, op.Parallel("all", []op.Op[int]{nap, ask}))
			},
			want: `waiting for callback "ask-callback" (no time-out: it waits until it is answered); complete it with: perdure callback succeed YXJu… '<JSON of its type>' (the code has the type; for a string: --text '<text>'), and for 1 more`,
		},
		{
			name: "another function", reason: "the way to what is wrong there",
			run: func(ctx op.Context, n int) (int, error) {
				return replay.Run(ctx, op.Invoke[int]("call", "sleeper", n))
			},
			want: `waiting for function sleeper, invoked by "call"; see: perdure show ` +
				`'arn:aws:lambda:us-east-1:123456789012:function:sleeper:$LATEST/durable-execution/6c9f…/6c9f…'`,
		},
		{
			name: "a failed invocation", reason: "it is repeated, and says why it has to be",
			host: local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return nil, errors.New("out of luck") }),
			want: `the last invocation failed 0s ago (`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			sleeper := replay.Handler(func(ctx op.Context, n int) (int, error) {
				return n, replay.Exec(ctx, op.Wait("sleep", time.Hour))
			})
			if tt.host == nil {
				tt.host = replay.Handler(tt.run)
			}
			if err := errors.Join(s.service.Host("it", tt.host), s.service.Host("sleeper", sleeper)); err != nil {
				t.Fatal(err)
			}
			s.run("start", "it", "1", "--name", "run")
			s.settle()
			got := s.run("show", "run", "-f", "it")
			if last, _ := lastLines(got.out); got.code != 0 || !strings.HasPrefix(last, tt.want) {
				t.Errorf("%s: got %q, want %q\n%+v", tt.reason, last, tt.want, got)
			}
		})
	}
}
