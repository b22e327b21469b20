package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
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

func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	tests := []struct {
		args string
		want string // what standard error says, after "perdure: "
		code int
	}{
		{"frob", `there is no command "frob"; see perdure --help`, cli.ExitUsage},
		{"lst", `there is no command "lst"; did you mean list?`, cli.ExitUsage},
		{"start", "perdure start: FUNCTION is missing; see perdure start --help", cli.ExitUsage},
		{"start order {} more", `perdure start: there is no argument "more"; see perdure start --help`, cli.ExitUsage},
		{`start order {"id":`, `the payload is no JSON: {"id":; a text needs quotes: '"text"'`, cli.ExitUsage},
		{"start order @missing.json", "open missing.json: no such file or directory", cli.ExitUsage},
		{"show", "perdure show: EXECUTION is missing; see perdure show --help", cli.ExitUsage},
		{"show A-1", `"A-1" is not the ARN of an execution: give its ARN, or its name with --function`, cli.ExitUsage},
		{"stop", "perdure stop: EXECUTION is missing; see perdure stop --help", cli.ExitUsage},
		{"callback", "perdure callback: say how: succeed, fail or heartbeat; see perdure callback --help", cli.ExitUsage},
		{"callback frob", "perdure callback: say how: succeed, fail or heartbeat; see perdure callback --help", cli.ExitUsage},
		{"callback fail", "perdure callback fail: ID is missing; see perdure callback fail --help", cli.ExitUsage},
		{"list --status GONE", `there is no status "GONE": executions are RUNNING, SUCCEEDED, FAILED, TIMED_OUT, STOPPED`, cli.ExitUsage},
		{"list --limit -1", "--limit is the number of executions, or 0 for all, not -1", cli.ExitUsage},
		{"list --since -1h", "--since is a duration such as 24h, not -1h0m0s", cli.ExitUsage},
		{"list --frob", "unknown flag: --frob; see perdure list --help", cli.ExitUsage},
		{"list -o yaml", `--output is text or json, not "yaml"`, cli.ExitUsage},
		{"list --timeout 0s", "--timeout is a duration such as 30s, not 0s", cli.ExitUsage},
		{"list --aws --endpoint http://127.0.0.1:1", "--endpoint is for a service on this machine, and --aws, --region and --profile for AWS: give one of them", cli.ExitUsage},
		{"dev", "perdure dev: DIR is missing: the folder of a function; see perdure dev --help", cli.ExitUsage},
		{"dev ./missing", "./missing is not a folder: give that of a function, such as ./order", cli.ExitUsage},
		{"dev testdata testdata", "two functions are named testdata: give one another name, as in other=testdata", cli.ExitUsage},
		{"dev testdata --memory --listen here", "--listen is an address such as 127.0.0.1:9090: address here: missing port in address", cli.ExitUsage},

		{"list missing", "list executions of missing: local: no such function is hosted: arn:aws:lambda:us-east-1:123456789012:function:missing (ResourceNotFoundException)", cli.ExitNotFound},
		{"start missing", "start missing: local: no such function is hosted: arn:aws:lambda:us-east-1:123456789012:function:missing (ResourceNotFoundException)", cli.ExitNotFound},
		{"show A-9 -f order", `function order has no execution named "A-9"`, cli.ExitNotFound},
		{"show arn:aws:lambda:us-east-1:1:function:order", "show arn:aws:lambda:us-east-1:1:function:order: local: no such execution (ResourceNotFoundException)", cli.ExitNotFound},
		{"history arn:aws:lambda:us-east-1:1:function:order", "history of arn:aws:lambda:us-east-1:1:function:order: local: no such execution (ResourceNotFoundException)", cli.ExitNotFound},
		{"callback succeed no-id", "complete callback no-id: local: no such callback (InvalidParameterValueException)", cli.ExitNotFound},
		{"callback fail no-id", "fail callback no-id: local: no such callback (InvalidParameterValueException)", cli.ExitNotFound},
		{"callback heartbeat no-id", "heartbeat of callback no-id: local: no such callback (InvalidParameterValueException)", cli.ExitNotFound},

		{"list --endpoint http://127.0.0.1:1", "list functions: nobody answers at http://127.0.0.1:1: start perdure dev, or give --endpoint or --aws", cli.ExitUnavailable},
	}
	s := newSite(t)
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			t.Parallel()
			got := s.run(strings.Fields(tt.args)...)
			if diff := cmp.Diff(outcome{err: "perdure: " + tt.want + "\n", code: tt.code}, got, cmp.AllowUnexported(outcome{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A second start under the name with another payload is refused, and says which execution there is.
func TestNameIsTaken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.run("start", "order", `{"id":"A-1","items":["hat"]}`, "--name", "A-1")
	s.settle()
	again := s.run("start", "order", `{"id":"A-1","items":["hat"]}`, "--name", "A-1")
	if diff := cmp.Diff(first, again, cmp.AllowUnexported(outcome{})); diff != "" || first.code != 0 {
		t.Errorf("the same payload (-first +second):\n%s", diff)
	}
	other := s.run("start", "order", `{}`, "--name", "A-1")
	if other.code != cli.ExitUnavailable || !strings.Contains(other.err, "DurableExecutionAlreadyStartedException") ||
		!strings.Contains(other.err, "durable-execution/A-1/") {
		t.Errorf("another payload: %+v", other)
	}
}

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
					`waiting for attempt 2 of step "pack", in 1m30s (the last one failed: Error: it fell down)`,
					`waiting for callback "collected-callback" (times out in 2d); complete it with: perdure callback succeed YXJu…`,
					`waiting for wait "cool-off", which ends in 36h`,
				),
			},
		},
		{
			reason:  "an execution that fails tells why, and the exit code tells that it did",
			payload: `{"id":"B-1","items":["hat"]}`,
			want: outcome{
				err: lines(
					"arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST/durable-execution/run/6c9f…",
					"FAILED: Error: the card is empty",
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
					"FAILED: Error: the order is empty",
				),
				code: cli.ExitFailed,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.payload, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			got := s.serve(append([]string{"start", "order", tt.payload, "--name", "run", "--wait"}, tt.args...)...)
			got.err = withoutInvoking(got.err)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(outcome{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// sleeper is a function that waits for an hour, so many times.
func sleeper(ctx op.Context, n int) (int, error) {
	for i := range n {
		if err := replay.Exec(ctx, op.Wait("nap", time.Hour).Key(strconv.Itoa(i))); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// meanwhile runs a command, has hours pass as soon as it has printed a line that begins like this, and
// returns what it has printed in the end.
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

// What is over before the program looks again is told as well, as it was then.
func TestWaitMissesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := s.service.Host("sleeper", replay.Handler(sleeper)); err != nil {
		t.Fatal(err)
	}
	got := s.meanwhile("waiting for", 3, "start", "sleeper", "3", "--name", "run", "--wait")
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
	s.run("start", "sleeper", "80", "--name", "run")
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

// A command that waits for an execution that has been under way for long tells only of what comes.
func TestWaitForWhatThereIs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	payload := `{"id":"A-1","items":["tie"]}`
	s.run("start", "order", payload, "--name", "run")
	s.advance(time.Hour)
	got := s.serve("start", "order", payload, "--name", "run", "--wait")
	want := lines(
		"arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST/durable-execution/run/6c9f…",
		`waiting for callback "collected-callback" (times out in 47h2m); complete it with: perdure callback succeed YXJu…`,
		`waiting for wait "cool-off", which ends in 36h`,
	)
	if diff := cmp.Diff(want, withoutInvoking(got.err)); diff != "" || got.code != 0 {
		t.Errorf("exit code %d (-want +got):\n%s", got.code, diff)
	}
	again := s.run("start", "order", payload, "--name", "run", "--wait") // it has ended
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
				s.run("callback", "succeed", s.callback(), "Ann")
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

// told is what a command writes, by the line.
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
	got := s.runIn(ctx, `{"id":"A-1","items":["hat"]}`, "start", "order", "-", "--wait")
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
			name: "callback without a timeout", reason: "somebody must act",
			run: func(ctx op.Context, _ int) (int, error) {
				c, err := replay.Run(ctx, op.CreateCallback[int]("answer"))
				if err != nil {
					return 0, err
				}
				return replay.Run(ctx, c.Result())
			},
			want: `waiting for callback "answer"; complete it with: perdure callback succeed YXJu…`,
		},
		{
			name: "branches", reason: "who must act comes first, the others are counted",
			run: func(ctx op.Context, _ int) (int, error) {
				nap := op.Transform(op.Wait("nap", time.Hour), func(op.None) (int, error) { return 0, nil })
				ask := op.WaitForCallback[int]("ask", func(context.Context, string) error { return nil })
				return 0, replay.Exec(ctx, op.Parallel("all", []op.Op[int]{nap, ask}))
			},
			want: `waiting for callback "ask-callback"; complete it with: perdure callback succeed YXJu…, and for 1 more`,
		},
		{
			name: "another function", reason: "the way to what is wrong there",
			run: func(ctx op.Context, n int) (int, error) {
				return replay.Run(ctx, op.Invoke[int]("call", "sleeper", n))
			},
			want: `waiting for function sleeper, invoked by "call"; see: perdure show ` +
				`arn:aws:lambda:us-east-1:123456789012:function:sleeper:$LATEST/durable-execution/6c9f…/6c9f…`,
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
			all := strings.Split(strings.TrimSpace(got.out), "\n")
			if last := all[len(all)-1]; got.code != 0 || !strings.HasPrefix(last, tt.want) {
				t.Errorf("%s: got %q, want %q\n%+v", tt.reason, last, tt.want, got)
			}
		})
	}
}

func TestShapes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run("start", "order", `{"id":"A-1","items":["hat"]}`, "--name", "A-1")
	s.advance(time.Hour)
	s.run("callback", "fail", s.callback(), "--type", "Lost", "--message", "nobody came", "--data", "x")
	s.advance(time.Hour)
	s.run("start", "payment", `"A-2"`, "--name", "A-2")
	s.settle()
	for _, args := range []string{
		"show A-1 -f order", "show A-1 -f order -o json", "list -o json --oldest", "list --status failed",
		"list order --since 1m", "history A-2 -f payment -o json", "history A-2 -f payment --follow",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			got := s.run(strings.Fields(args)...)
			if got.code != 0 {
				t.Fatalf("got %+v", got)
			}
			golden(t, args, got.err+got.out)
			if strings.Contains(args, "json") && !strings.Contains(args, "history") && !json.Valid([]byte(got.out)) {
				t.Error("this is no JSON")
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(strings.ReplaceAll(name, "-", ""), " ", "-")+".txt")
	if os.Getenv(update) != "" {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s is not what the program prints (-want +got); if that is right, run the test with %s=1:\n%s", path, update, diff)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run("start", "order", `{"id":"A-1","items":["hat"]}`, "--name", "A-1")
	s.settle()
	arn := s.service.Executions()[0].ARN()
	tests := []struct{ args, want string }{
		{"start|", "order\npayment\n:4\n"},
		{"list|", "order\npayment\n:4\n"},
		{"show|", s.scrub(arn) + "\n:4\n"},
		{"stop|--function|order|", "A-1\n:4\n"},
		{"stop|--function|", "order\npayment\n:4\n"},
		{"list|--status|", "RUNNING\nSUCCEEDED\nFAILED\nTIMED_OUT\nSTOPPED\n:4\n"},
		{"list|-o|", "text\njson\n:4\n"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			t.Parallel()
			got := s.run(append([]string{"__complete"}, strings.Split(tt.args, "|")...)...)
			if diff := cmp.Diff(tt.want, got.out); diff != "" || got.code != 0 {
				t.Errorf("(-want +got):\n%s%s", diff, got.err)
			}
		})
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := s.run("completion", shell); got.code != 0 || !strings.Contains(got.out, "perdure") {
			t.Errorf("completion %s: %d, %d bytes", shell, got.code, len(got.out))
		}
	}
}

// Every command and every flag of dev is in docs/cli.md.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	help := s.run("--help").out
	commands := regexp.MustCompile(`(?m)^  ([a-z]+) {2,}`).FindAllStringSubmatch(help, -1)
	if len(commands) < 8 {
		t.Fatalf("the help names %d commands:\n%s", len(commands), help)
	}
	for _, c := range commands {
		if c[1] != "help" && c[1] != "version" && !strings.Contains(string(doc), c[1]) {
			t.Errorf("docs/cli.md does not mention perdure %s", c[1])
		}
	}
	own, _, _ := strings.Cut(s.run("dev", "--help").out, "Global Flags:")
	flags := regexp.MustCompile(`(?m)^ +(--[a-z-]+)`).FindAllStringSubmatch(own, -1)
	if len(flags) < 8 {
		t.Fatalf("the help of dev names %d flags", len(flags))
	}
	for _, f := range flags {
		if !strings.Contains(string(doc), "`"+f[1]) {
			t.Errorf("docs/cli.md does not mention perdure dev %s", f[1])
		}
	}
}
