package outbox_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/outbox"
)

// scales weigh what a client sends.
type scales struct{ body int }

func (s *scales) Do(r *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(r.Body)
	s.body = len(b)
	return nil, errors.Join(err, errors.New("only weighed"))
}

// weight returns how many bytes these updates are in a call, with what separates them.
func weight(ctx context.Context, us ...checkpoint.Update) int {
	s := &scales{}
	client := checkpoint.NewClient(lambdaapi.New(lambdaapi.Options{
		Region: "eu-central-1", HTTPClient: s, Retryer: aws.NopRetryer{}, Credentials: aws.AnonymousCredentials{},
	}))
	_, _ = client.Checkpoint(ctx, checkpoint.CheckpointInput{ARN: "arn", Token: "t", Updates: us})
	return s.body
}

// The estimate of an update is at least what it is in a call, and not much more.
func TestSizeIsThatOfTheWire(t *testing.T) {
	t.Parallel()
	empty := weight(t.Context())
	if empty == 0 {
		t.Fatal("nothing was sent")
	}
	fixed := outbox.Size(&checkpoint.Update{})
	compare := func(u checkpoint.Update) string {
		u.ID, u.Kind, u.Action = cmp.Or(u.ID, "1"), cmp.Or(u.Kind, checkpoint.KindStep), cmp.Or(u.Action, checkpoint.ActionSucceed)
		got, want := outbox.Size(&u), weight(t.Context(), u)-empty
		if want < 0 {
			return "it was not sent"
		}
		if got < want {
			return fmt.Sprintf("%d bytes are estimated, %d are sent", got, want)
		}
		if got > want+fixed+want/4 {
			return fmt.Sprintf("%d bytes are estimated, only %d are sent", got, want)
		}
		return ""
	}
	tests := []struct {
		reason string
		u      checkpoint.Update
	}{
		{"letters", checkpoint.Update{Payload: checkpoint.TextPayload(strings.Repeat("x", 10_000))}},
		{"quotes", checkpoint.Update{Payload: checkpoint.TextPayload(strings.Repeat(`"`, 10_000))}},
		{"JSON", checkpoint.Update{Payload: checkpoint.TextPayload(strings.Repeat(`{"a":[1,"b\n"]}`, 1_000))}},
		{"HTML", checkpoint.Update{Payload: checkpoint.TextPayload(strings.Repeat("<a href='x'>&amp;</a>", 1_000))}},
		{"control characters", checkpoint.Update{Payload: checkpoint.TextPayload(strings.Repeat("\x00\x1f\b\f\n\r\t", 1_000))}},
		{"other scripts", checkpoint.Update{Payload: checkpoint.TextPayload(strings.Repeat("äß語😀", 1_000))}},
		{"line ends of JavaScript", checkpoint.Update{Payload: checkpoint.TextPayload(strings.Repeat("\u2028\u2029", 1_000))}},
		{"names", checkpoint.Update{
			ID: strings.Repeat("1", 64), ParentID: strings.Repeat("2", 64), Name: strings.Repeat("n", 256), SubType: "WaitForCallback",
			Kind: checkpoint.KindChainedInvoke, Action: checkpoint.ActionStart, Function: strings.Repeat("f", 140), Tenant: strings.Repeat("t", 100),
		}},
		{"a retry", checkpoint.Update{
			ID: strings.Repeat("1", 64), Kind: checkpoint.KindStep, Action: checkpoint.ActionRetry, NextAttemptDelay: time.Hour,
			Failure: &checkpoint.Failure{Type: "T", Message: "a \"quoted\" message", Stack: []string{"main.main()\n\tmain.go:1", "x()"}},
		}},
		{"a callback", checkpoint.Update{
			ID: "1", Kind: checkpoint.KindCallback, Action: checkpoint.ActionStart, Timeout: time.Hour, Heartbeat: time.Minute,
		}},
	}
	for _, tt := range tests {
		if problem := compare(tt.u); problem != "" {
			t.Errorf("%s: %s", tt.reason, problem)
		}
	}
	p := properties(100)
	p.Property("payloads", prop.ForAll(func(text string) string {
		return compare(checkpoint.Update{ID: "1", Kind: checkpoint.KindStep, Payload: checkpoint.TextPayload(text)})
	}, gen.SliceOf(gen.OneConstOf("a", `"`, "\\", "\n", "\x01", "<", "&", "é", "語", "\u2028", "😀", "\x7f")).Map(func(parts []string) string {
		return strings.Join(parts, "")
	})))
	p.TestingRun(t, gopter.ConsoleReporter(false))
}

// Within a string of an event, a text is as long as Escaped says.
func TestEscapedIsTheLengthInAnEvent(t *testing.T) {
	t.Parallel()
	length := func(text string) int {
		b, err := checkpoint.AppendOperation(nil, &checkpoint.Operation{
			ID: "1", Kind: checkpoint.KindStep, Status: checkpoint.StatusSucceeded, Payload: checkpoint.TextPayload(text),
		})
		if err != nil {
			t.Error(err)
		}
		return len(b)
	}
	none := length("")
	for _, c := range []string{"a", `"`, `\`, "\n", "\r", "\t", "\x00", "\x1f", "\b", "\f", "\x7f", "<", "é", "語", "😀", "\u2028", "\u2029", "/"} {
		got, want := outbox.Escaped([]byte(c)), length(c)-none
		if got < want || got > want && c != "\b" && c != "\f" {
			t.Errorf("%q: %d bytes, in an event %d", c, got, want)
		}
	}
}
