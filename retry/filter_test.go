package retry_test

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/retry"
)

type throttledError struct{ After int }

func (e *throttledError) Error() string   { return fmt.Sprintf("throttled for %d", e.After) }
func (e *throttledError) Temporary() bool { return true }

type temporary interface {
	error
	Temporary() bool
}

func TestFiltersSelectErrors(t *testing.T) {
	t.Parallel()

	throttled := &throttledError{3}
	isBusy := retry.If(func(err error) bool { return err == errBusy }) //nolint:errorlint // the user's own value

	tests := []struct {
		reason string
		opts   []retry.Option
		err    error
		want   bool
	}{
		{reason: "without filters everything is retried", err: errBusy, want: true},

		{reason: "OnIs finds the target", opts: opts(retry.OnIs(errBusy)), err: errBusy, want: true},
		{reason: "OnIs finds one of the targets", opts: opts(retry.OnIs(errDeclined, errBusy)), err: errBusy, want: true},
		{reason: "OnIs finds a wrapped target", opts: opts(retry.OnIs(errBusy)), err: fmt.Errorf("x: %w", errBusy), want: true},
		{reason: "OnIs finds a joined target", opts: opts(retry.OnIs(errBusy)), err: errors.Join(errDeclined, errBusy), want: true},
		{reason: "OnIs does not find another", opts: opts(retry.OnIs(errBusy)), err: errDeclined},

		{reason: "OnType finds the type", opts: opts(retry.OnType[*throttledError]()), err: throttled, want: true},
		{reason: "OnType finds a wrapped type", opts: opts(retry.OnType[*throttledError]()), err: fmt.Errorf("x: %w", throttled), want: true},
		{reason: "OnType finds an interface", opts: opts(retry.OnType[temporary]()), err: throttled, want: true},
		{reason: "OnType does not find another", opts: opts(retry.OnType[*fs.PathError]()), err: throttled},

		{reason: "OnMessage matches the whole message", opts: opts(retry.OnMessage(regexp.MustCompile(`^throttled for \d$`))), err: throttled, want: true},
		{reason: "OnMessage does not match another", opts: opts(retry.OnMessage(regexp.MustCompile("^for"))), err: throttled},

		{reason: "If asks the function", opts: opts(isBusy), err: errBusy, want: true},
		{reason: "If asks about the error itself", opts: opts(isBusy), err: fmt.Errorf("x: %w", errBusy)},
		{reason: "If does not see our marks", opts: opts(isBusy), err: retry.After(time.Second, errBusy), want: true},

		{reason: "several filters: one is enough", opts: opts(retry.OnIs(errDeclined), retry.OnType[*throttledError]()), err: throttled, want: true},
		{reason: "several filters: none matches", opts: opts(retry.OnIs(errDeclined), retry.OnType[*throttledError]()), err: errBusy},

		{reason: "Unless leaves other errors", opts: opts(retry.Unless(retry.OnIs(errDeclined))), err: errBusy, want: true},
		{reason: "Unless ends on a match", opts: opts(retry.Unless(retry.OnIs(errDeclined))), err: errDeclined},
		{reason: "Unless ends when one of several matches", opts: opts(retry.Unless(retry.OnIs(errDeclined), retry.OnIs(errBusy))), err: errBusy},
		{reason: "several Unless add up", opts: opts(retry.Unless(retry.OnIs(errBusy)), retry.Unless(retry.OnIs(errDeclined))), err: errBusy},
		{reason: "Unless wins over a filter before it", opts: opts(retry.OnIs(errBusy), retry.Unless(retry.OnIs(errBusy))), err: errBusy},
		{reason: "Unless wins over a filter after it", opts: opts(retry.Unless(retry.OnIs(errBusy)), retry.OnIs(errBusy)), err: errBusy},
		{reason: "Unless beside a filter", opts: opts(retry.OnType[*throttledError](), retry.Unless(retry.OnIs(errDeclined))), err: errors.Join(throttled, errDeclined)},
		{reason: "an empty Unless ends nothing", opts: opts(retry.Unless()), err: errBusy, want: true},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			p := retry.Linear(tt.opts...)
			a := retry.Attempt{Err: tt.err, Number: 1}

			if got := p(a); got.Retry != tt.want || got.Err != nil {
				t.Errorf("policy: %+v, want Retry %t", got, tt.want)
			}

			if got := retry.Decide(p, nil, a); got.Retry != tt.want || got.Err != nil {
				t.Errorf("Decide: %+v, want Retry %t", got, tt.want)
			}
		})
	}
}

func TestFiltersAreNotAskedWhenNothingFailed(t *testing.T) {
	t.Parallel()

	never := retry.If(func(error) bool { return false })
	always := retry.If(func(error) bool { return true })

	tests := []struct {
		reason string
		policy retry.Policy
		only   []retry.Filter
		err    error
	}{
		{reason: "a condition is not met: the policy's filters", policy: retry.Polling(never)},
		{reason: "a condition is not met: Unless", policy: retry.Polling(retry.Unless(always))},
		{reason: "a condition is not met: the operation's filters", policy: retry.Polling(), only: []retry.Filter{never}},
		{reason: "Again: the policy's filters", policy: retry.Linear(never), err: retry.Again(1)},
		{reason: "Again: Unless", policy: retry.Linear(retry.Unless(always)), err: retry.Again(1)},
		{reason: "Again: the operation's filters", policy: retry.Linear(), only: []retry.Filter{never}, err: retry.Again(1)},
		{reason: "Again inside of another error", policy: retry.Linear(never), err: fmt.Errorf("page: %w", retry.Again(1))},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			got := retry.Decide(tt.policy, tt.only, retry.Attempt{Err: tt.err, Number: 1})
			if !got.Retry || got.Err != nil {
				t.Errorf("decision = %+v, want another attempt", got)
			}
		})
	}
}

func TestValidateReportsBadFilters(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason string
		filter retry.Filter
		want   string // empty: valid
	}{
		{reason: "OnIs", filter: retry.OnIs(errBusy)},
		{reason: "OnType", filter: retry.OnType[error]()},
		{reason: "OnIs without a target", filter: retry.OnIs(), want: "OnIs has no target: pass the errors that errors.Is looks for"},
		{reason: "OnIs with a nil target", filter: retry.OnIs(errBusy, nil), want: "OnIs has a nil target: pass the errors that errors.Is looks for"},
		{reason: "OnMessage without an expression", filter: retry.OnMessage(nil), want: "OnMessage has a nil expression: pass one made by regexp.MustCompile"},
		{reason: "If without a function", filter: retry.If(nil), want: "If has a nil function: pass one that reports whether an error matches"},
		{reason: "no filter", filter: nil, want: "a filter is nil"},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			a := retry.Attempt{Err: errDeclined, Number: 1}
			only := []retry.Filter{retry.If(func(error) bool { return true }), tt.filter}

			checkMessage(t, "retry: invalid policy: ", tt.want, retry.Validate(retry.Linear(), only...))
			checkMessage(t, "retry: invalid policy: ", tt.want, retry.Decide(retry.Linear(), only, a).Err)
			checkMessage(t, "retry: invalid policy: Linear: ", tt.want, retry.Validate(retry.Linear(retry.Unless(tt.filter))))

			if tt.filter != nil {
				checkMessage(t, "retry: invalid policy: Linear: ", tt.want, retry.Validate(retry.Linear(tt.filter)))
			}
		})
	}
}

func checkMessage(t *testing.T, prefix, want string, err error) {
	t.Helper()

	if want == "" {
		if err != nil {
			t.Errorf("error = %v, want none", err)
		}

		return
	}

	if !errors.Is(err, retry.ErrInvalid) {
		t.Fatalf("error = %v, want ErrInvalid", err)
	}

	if diff := cmp.Diff(prefix+want, err.Error()); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}

func opts(o ...retry.Option) []retry.Option { return o }
