package checkpoint_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
)

// pagedClient is a Client that has pages of state and nothing else.
type pagedClient struct {
	checkpoint.Client
	pages map[string]checkpoint.StateOutput
	calls []checkpoint.StateInput
}

var errNoPage = errors.New("no such page")

func (c *pagedClient) State(_ context.Context, in checkpoint.StateInput) (checkpoint.StateOutput, error) {
	c.calls = append(c.calls, in)
	page, ok := c.pages[in.Marker]
	if !ok {
		return page, &checkpoint.APIError{Call: "GetDurableExecutionState", HTTPStatus: 400, Cause: errNoPage}
	}
	return page, nil
}

// step returns a record of a step.
func step(name string, status checkpoint.Status) checkpoint.Operation {
	return checkpoint.Operation{ID: name, Name: name, SubType: "Step", Kind: checkpoint.KindStep, Status: status, Start: day()}
}

func TestLoadState(t *testing.T) {
	t.Parallel()
	a, b, c := step("a", checkpoint.StatusSucceeded), step("b", checkpoint.StatusSucceeded), step("c", checkpoint.StatusStarted)
	type page = checkpoint.StateOutput
	call := func(marker string) checkpoint.StateInput {
		return checkpoint.StateInput{ARN: arn, Token: token, Marker: marker, MaxItems: 1000}
	}
	tests := []struct {
		reason string
		first  page
		pages  map[string]page
		want   []checkpoint.Operation
		calls  []checkpoint.StateInput
		fails  bool
	}{
		{
			reason: "the event holds everything",
			first:  page{Operations: []checkpoint.Operation{a}},
			want:   []checkpoint.Operation{a},
		},
		{
			reason: "all pages are read with the token of the invocation",
			first:  page{Operations: []checkpoint.Operation{a}, NextMarker: "1"},
			pages: map[string]page{
				"1": {Operations: []checkpoint.Operation{b}, NextMarker: "2"},
				"2": {Operations: []checkpoint.Operation{c}},
			},
			want:  []checkpoint.Operation{a, b, c},
			calls: []checkpoint.StateInput{call("1"), call("2")},
		},
		{
			reason: "pages may be empty, the first included",
			first:  page{NextMarker: "1"},
			pages:  map[string]page{"1": {NextMarker: "2"}, "2": {Operations: []checkpoint.Operation{c}}},
			want:   []checkpoint.Operation{c},
			calls:  []checkpoint.StateInput{call("1"), call("2")},
		},
		{
			reason: "a marker that repeats would never end",
			first:  page{NextMarker: "1"},
			pages:  map[string]page{"1": {NextMarker: "2"}, "2": {NextMarker: "1"}},
			calls:  []checkpoint.StateInput{call("1"), call("2")},
			fails:  true,
		},
		{
			reason: "an error of the client",
			first:  page{Operations: []checkpoint.Operation{a}, NextMarker: "1"},
			calls:  []checkpoint.StateInput{call("1")},
			fails:  true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			client := &pagedClient{pages: tt.pages}
			inv := checkpoint.Invocation{
				ARN: arn, Token: token, Operations: tt.first.Operations, NextMarker: tt.first.NextMarker,
			}
			got, err := checkpoint.LoadState(t.Context(), client, inv)
			if (err != nil) != tt.fails {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.calls, client.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadStateKeepsTheErrorOfTheService(t *testing.T) {
	t.Parallel()
	_, err := checkpoint.LoadState(t.Context(), &pagedClient{}, checkpoint.Invocation{ARN: arn, Token: token, NextMarker: "x"})
	if api, ok := errors.AsType[*checkpoint.APIError](err); !ok || !api.Permanent() || !errors.Is(err, errNoPage) {
		t.Errorf("error %v, want the permanent error of the client", err)
	}
}
