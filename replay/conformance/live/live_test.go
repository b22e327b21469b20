package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"

	"github.com/perdure/perdure/replay/conformance/live/subject"
)

func noCode(context.Context) ([]byte, error) { return []byte("zip"), nil }

// TestMeasurements: all questions are asked of the service on this machine, which answers as is
// assumed of AWS, or says what it does else; nothing is left.
func TestMeasurements(t *testing.T) { //nolint:paralleltest // it sets the environment
	a, clock := newAccount(t)
	var out, log bytes.Buffer
	if err := run(checkpoint.WithClock(t.Context(), clock), []string{"-timeout", "5m"}, &out, &log, noCode); err != nil {
		t.Errorf("%v\n%s", err, log.String())
	}
	t.Log(out.String())
	answers := make(map[string]string)
	rows := strings.Split(strings.TrimSpace(out.String()), "\n")[2:]
	for i, q := range questions() {
		if i >= len(rows) || !strings.HasPrefix(rows[i], "| "+q.asks+" | "+q.assumed+" | ") {
			t.Fatalf("row %d is not of %s:\n%s", i, q.name, out.String())
		}
		answers[q.name] = rows[i]
	}
	for name, want := range map[string]string{
		"token":                   `\| 400 InvalidParameterValueException: Invalid checkpoint token`,
		"pending":                 `\| FAILED after 4, with pauses of [\d., ]+ s: `,
		"errors":                  `\| FAILED after 9, with pauses of ([\d.]+, ){7}[\d.]+ s: \w+: this invocation fails, as it is to`,
		"timeouts":                `\| FAILED after 9, .*Sandbox.Timedout`,
		"errors-with-checkpoints": `\| yes: it goes on after 1\d, with pauses of `,
		"pause":                   `\| it was (RUNNING, |PAUSING, )*PAUSED; the call without a token was saved; resumed it is SUCCEEDED`,
		"delete":                  `\| while it runs: ResourceConflictException; after that: accepted, and it is (DELETING, then )?ResourceNotFoundException`,
		"trace":                   `\| yes: Root=1-5759e988-bd862e3fe1be46a994272793;`,
		"size":                    `\| 1048576 bytes: accepted; 1048577 bytes: 400 InvalidParameterValueException`,
		"truncation":              `\| of 65536 bytes 65536 are there, Truncated is false; of 262144 bytes 262144 are there, .*; of 1048576 bytes 1048576 are there`,
		"order":                   `\| 300 operations are in the order in which they were sent`,
		"clock":                   `\| -?\d+ ms`,
		"events":                  `\| ExecutionStarted: the last segment of the ARN; ExecutionSucceeded: the last segment of the ARN`,
		"name":                    `\| the same input: the same execution; another one: DurableExecutionAlreadyStartedException`,
		"pinning":                 `\| one of 1 under the first code; one of \$LATEST under the second code`,
	} {
		if !regexp.MustCompile(want).MatchString(answers[name]) {
			t.Errorf("%s: want %s in\n%s", name, want, answers[name])
		}
		delete(answers, name)
	}
	for name := range answers {
		t.Errorf("%s: the test does not say what its answer is here", name)
	}
	if left := a.left(); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
}

// TestMeasuresAreAsked: each measure of the function is used by a question, or by another one.
func TestMeasuresAreAsked(t *testing.T) {
	t.Parallel()
	want := []string{
		"clock", "echo", "errors", "errors-with-checkpoints", "order", "pause", "pending", "size", "timeouts", "token", "trace", "wait",
	}
	if got := subject.Measures(); !slices.Equal(got, want) {
		t.Errorf("the function measures %v", got)
	}
}

// TestNothingIsLeft: whatever fails, what was made is removed, and the error says what failed.
func TestNothingIsLeft(t *testing.T) { //nolint:paralleltest // it sets the environment
	tests := []struct {
		reason, deny, says string
		args               []string
		left               int
	}{
		{"no role may be made", "CreateRole", "make the role", nil, 0},
		{"the role gets no policy", "PutRolePolicy", "its policy", nil, 0},
		{"no log group may be made", "CreateLogGroup", "make the log group", nil, 0},
		{"no retention may be set", "PutRetentionPolicy", "keep lines for a day", nil, 0},
		{"no function may be made", "CreateFunction", "make the function", nil, 0},
		{"it cannot be looked at", "GetFunctionConfiguration", "look at the function", nil, 0},
		{"no version may be published", "PublishVersion", "publish a version", nil, 0},
		{"the function may not be changed: the others are asked", "UpdateFunctionConfiguration", "1 of 2 questions have no answer", []string{"-only", "token,pinning"}, 0},
		{"the role cannot be removed: all else is", "DeleteRole", "remove the role", []string{"-only", "token"}, 1},
		{"what was made is to be kept", "", "", []string{"-only", "token", "-keep"}, 4},
	}
	for _, tt := range tests { //nolint:paralleltest // as above
		t.Run(tt.reason, func(t *testing.T) {
			a, clock := newAccount(t)
			a.deny = tt.deny
			err := run(checkpoint.WithClock(t.Context(), clock), append([]string{"-timeout", "1m"}, tt.args...), io.Discard, io.Discard, noCode)
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("the error is %v, want %q", err, tt.says)
			}
			if left := a.left(); len(left) != tt.left {
				t.Errorf("it leaves %v", left)
			}
		})
	}
}

// TestInterrupted: what was made is removed after Ctrl-C, too.
func TestInterrupted(t *testing.T) { //nolint:paralleltest // it sets the environment
	a, clock := newAccount(t)
	ctx, stop := context.WithCancelCause(checkpoint.WithClock(t.Context(), clock))
	cause := errors.New("interrupted")
	err := run(ctx, []string{"-only", "timeouts"}, io.Discard, &hook{"making the role", func() {
		clock.AfterFunc(time.Minute, func() { stop(cause) })
	}}, noCode)
	if err == nil || len(a.left()) > 0 {
		t.Errorf("the error is %v, and it leaves %v", err, a.left())
	}
}

// hook is a writer that does something when a line begins with a text.
type hook struct {
	prefix string
	do     func()
}

// Write implements [io.Writer].
func (h *hook) Write(p []byte) (int, error) {
	if strings.HasPrefix(string(p), h.prefix) {
		h.do()
	}
	return len(p), nil
}

// TestRefusals: nothing is asked of AWS that is not meant.
func TestRefusals(t *testing.T) {
	tests := []struct {
		reason, key, id, region, says string
		args                          []string
	}{
		{"no credentials", "", "", "us-east-1", "no credentials of AWS", nil},
		{"no region", "secret", "id", "", "no region is configured", nil},
		{"a question that there is not", "secret", "id", "us-east-1", `-only names "tokens"`, []string{"-only", "tokens"}},
		{"a profile that there is not", "", "", "us-east-1", "load the AWS configuration", []string{"-profile", "none"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			a, _ := newAccount(t)
			t.Setenv("AWS_ACCESS_KEY_ID", tt.id)
			t.Setenv("AWS_SECRET_ACCESS_KEY", tt.key)
			t.Setenv("AWS_REGION", tt.region)
			err := run(t.Context(), tt.args, io.Discard, io.Discard, func(context.Context) ([]byte, error) {
				t.Error("the function is built")
				return nil, nil
			})
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("the error is %v, want %q", err, tt.says)
			}
			if len(a.calls) > 0 {
				t.Errorf("calls were made: %v", a.calls)
			}
		})
	}
}

// TestDryRun: the plan has each question, and costs less than ten cents; it needs no account.
func TestDryRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-dry-run"}, &out, io.Discard, nil); err != nil {
		t.Fatal(err)
	}
	for _, q := range questions() {
		if !strings.Contains(out.String(), q.name) || !strings.Contains(out.String(), q.asks) || q.takes == 0 || q.invocations == 0 {
			t.Errorf("%s is not in the plan, or costs nothing", q.name)
		}
	}
	if cents := regexp.MustCompile(`(?m)^(\d)\.\d cents`).FindString(out.String()); cents == "" {
		t.Errorf("the plan does not say that it costs less than ten cents:\n%s", out.String())
	}
}

// TestBuild: the function is built as Lambda takes it.
func TestBuild(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles the function for another machine")
	}
	zipped, err := build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(zipped) < 1<<20 || len(zipped) > 50<<20 || !bytes.HasPrefix(zipped, []byte("PK")) {
		t.Errorf("%d bytes, want a zip file of some megabytes, which Lambda takes up to 50 MB", len(zipped))
	}
}
