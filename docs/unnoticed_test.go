package docs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// nap suspends the execution; then the code is changed.
func nap(ctx op.Context) error { return replay.Exec(ctx, op.Wait("nap", time.Hour)) }

var errDeclined = errors.New("declined")

// What docs/determinism.md lists as not noticed is what happens: the execution succeeds, with the
// wrong result. If one of them is noticed some day, the page says too little; one that is missing
// there surprises someone.
func TestWhatCannotBeNoticed(t *testing.T) {
	t.Parallel()
	page := readText(t, "determinism.md")
	_, section, _ := strings.Cut(page, "## What cannot be noticed")
	section, _, _ = strings.Cut(section, "\n## ")
	section = strings.Join(strings.Fields(section), " ")
	type (
		before struct{ PaymentID string }
		after  struct{ PayID string }
	)
	charge := func(who string) op.Op[string] {
		return op.Step("charge", func(context.Context) (string, error) { return "charged " + who, nil })
	}
	pay := func(ctx op.Context, opts ...op.StepOption) (string, error) {
		err := replay.Exec(ctx, op.Do("pay", func(context.Context) error { return errDeclined }, append(opts, op.WithRetry(retry.Never()))...))
		if errors.Is(err, errDeclined) {
			return "declined: informed the customer", nil
		}
		return "another error", nil
	}
	loop := func(names ...string) func(ctx op.Context) (string, error) {
		return func(ctx op.Context) (string, error) {
			var all []string
			for _, who := range names {
				got, err := replay.Run(ctx, charge(who))
				if err != nil {
					return "", err
				}
				all = append(all, who+": "+got)
			}
			return strings.Join(all, ", "), nap(ctx)
		}
	}
	status := func(names ...string) func(ctx op.Context) (string, error) { // as constants made with iota
		return func(ctx op.Context) (string, error) {
			n, err := replay.Run(ctx, op.Step("ask", func(context.Context) (int, error) { return slices.Index(names, "paid"), nil }))
			if err != nil {
				return "", err
			}
			return names[n], nap(ctx)
		}
	}
	ids := func(names ...string) func(ctx op.Context) (string, error) {
		return func(ctx op.Context) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", names, op.StepFunc("each", func(_ context.Context, s string) (string, error) { return s, nil })))
			if err != nil {
				return "", err
			}
			return fmt.Sprint(names, b.Values()), nap(ctx)
		}
	}
	tests := []struct {
		words         string // of the page
		before, after func(ctx op.Context) (string, error)
		want          string
	}{
		{"**Two operations swapped that both have records.**", func(ctx op.Context) (string, error) {
			a, err := replay.Run(ctx, charge("ann"))
			if err != nil {
				return "", err
			}
			b, err := replay.Run(ctx, op.Step("ship", func(context.Context) (string, error) { return "shipped", nil }))
			return a + ", " + b, errors.Join(err, nap(ctx))
		}, func(ctx op.Context) (string, error) {
			b, err := replay.Run(ctx, op.Step("ship", func(context.Context) (string, error) { return "shipped", nil }))
			if err != nil {
				return "", err
			}
			a, err := replay.Run(ctx, charge("ann"))
			return a + ", " + b, errors.Join(err, nap(ctx))
		}, "charged ann, shipped"},
		{"**A name used several times in one scope without a key.**", loop("ann", "bob"), loop("bob", "ann"), "bob: charged ann, ann: charged bob"},
		{"**Items of a map without keys.**", ids("ann", "bob"), ids("bob", "ann"), "[bob ann] [ann bob]"},
		{"**Changed inputs, options, durations and bodies.**", loop("ann"), func(ctx op.Context) (string, error) {
			got, err := replay.Run(ctx, charge("no one"))
			return got, errors.Join(err, nap(ctx))
		}, "charged ann"},
		{"**A renamed field of a recorded type.**", func(ctx op.Context) (string, error) {
			p, err := replay.Run(ctx, op.Step("pay", func(context.Context) (before, error) { return before{"pay-1"}, nil }))
			return fmt.Sprintf("%+v", p), errors.Join(err, nap(ctx))
		}, func(ctx op.Context) (string, error) {
			p, err := replay.Run(ctx, op.Step("pay", func(context.Context) (after, error) { return after{"pay-1"}, nil }))
			return fmt.Sprintf("%+v", p), errors.Join(err, nap(ctx))
		}, "{PayID:}"},
		{"**A value with another meaning.**", status("new", "paid"), status("new", "checked", "paid"), "checked"},
		{"**A changed registration of an error.**", func(ctx op.Context) (string, error) {
			got, err := pay(ctx, op.WithErrors(codec.Sentinel("declined", errDeclined)))
			return got, errors.Join(err, nap(ctx))
		}, func(ctx op.Context) (string, error) {
			got, err := pay(ctx, op.WithErrors(codec.Sentinel("card-declined", errDeclined)))
			return got, errors.Join(err, nap(ctx))
		}, "another error"},
	}
	for _, tt := range tests {
		t.Run(tt.words, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(section, tt.words) {
				t.Errorf("the page does not list %q", tt.words)
			}
			if got := changed(t, tt.before, tt.after); got != tt.want {
				t.Errorf("the execution ended with %q, want %q", got, tt.want)
			}
		})
	}
	if n := strings.Count(section, "* **"); n != len(tests)+1 { // data races need -race to be seen
		t.Errorf("the page lists %d things, and %d are tested", n, len(tests))
	}
}

// changed returns how an execution ends whose code is changed while it waits.
func changed(t *testing.T, before, after func(ctx op.Context) (string, error)) string {
	t.Helper()
	s := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))))
	defer func() { _ = s.Close() }()
	code := before
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) { return code(ctx) })
	if err := s.Host("f", f); err != nil {
		t.Fatal(err)
	}
	e, err := s.Start(t.Context(), "f", "A-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.Status() != local.StatusRunning {
		t.Fatalf("it ended before the code was changed: %s, %v", e.Result(), e.Err())
	}
	code = after
	if err := e.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.Err() != nil {
		return e.Err().Error()
	}
	return strings.Trim(string(e.Result()), `"`)
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What README and docs/determinism.md say of the compiler is so, in both directions.
func TestWhatTheCompilerSeesInAHandler(t *testing.T) {
	t.Parallel()
	tests := []struct{ code, want string }{
		{"_, err := http.Get(\"https://example.com\")\nreturn err", ""},
		{"return os.WriteFile(\"a\", nil, 0o600)", ""},
		{"fmt.Println(time.Now())", ""},
		{"time.Sleep(time.Second)", ""},
		{"fmt.Println(os.Getenv(\"HOME\"))", ""},
		{"op.Wait(\"nap\", time.Hour)", ""},
		{"_, err := http.NewRequestWithContext(ctx, \"GET\", \"https://example.com\", nil)\nreturn err", "cannot use ctx"},
		{"_, cancel := context.WithTimeout(ctx, time.Second)\ncancel()", "cannot use ctx"},
	}
	for _, tt := range tests {
		doc, _ := parseDocument("doc.md", "```go\n"+tt.code+"\n```")
		problems, err := checkGo(t.Context(), root, doc)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(problems, "\n"); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: the compiler says %q, want %q", tt.code, got, tt.want)
		}
	}
}
