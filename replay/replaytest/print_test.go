package replaytest_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// parcels runs what a table must show: maps in maps with keys, retries, a callback that times out,
// long results, texts that are not ASCII, and a failure of two lines.
func parcels() *replay.Function[[]string, string] {
	tries := 0
	pack := op.StepFunc("pack-item", func(_ context.Context, s string) (string, error) {
		if s == "b" {
			if tries++; tries < 3 {
				return "", errors.New("busy")
			}
		}
		return strings.Repeat(s, 100), nil
	}, op.WithRetry(retry.Fixed(3*time.Second, retry.NoJitter()))).Key(func(s string) string { return s })
	parcel := op.GroupFunc("parcel", func(ctx op.Context, s string) ([]string, error) {
		b, err := replay.Run(ctx, op.Map("items", []string{s, "ü/" + s}, pack))
		return b.Values(), err
	}).Key(func(s string) string { return "SKU " + s })
	return replay.Handler(func(ctx op.Context, in []string) (string, error) {
		if err := replay.Exec(ctx, op.Map("ship", in, parcel)); err != nil {
			return "", err
		}
		greet := op.Step("greet", func(context.Context) (string, error) { return "日本語\n\"zwei\"\tZeilen", nil })
		if err := replay.Exec(ctx, greet); err != nil {
			return "", err
		}
		notes := op.Group("notes", func(ctx op.Context) ([]string, error) {
			note := func(context.Context) (string, error) { return "noted", nil }
			return replay.Run(ctx, op.All("both", op.Step("one", note), op.Step("two", note)))
		})
		if err := replay.Exec(ctx, notes); err != nil {
			return "", err
		}
		ask := op.WaitForCallback[string]("approval", func(context.Context, string) error { return nil }, op.WithTimeout(time.Hour))
		if err := replay.Exec(ctx, ask); err == nil {
			return "", errors.New("someone has approved")
		}
		return replay.Run(ctx, op.Step("label", func(context.Context) (string, error) {
			return "", errors.New("the printer says:\nout of paper, and this goes on and on and on and on and on")
		}, op.WithRetry(retry.Never())))
	})
}

func TestPrint(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	replaytest.Run(t, parcels(), []string{"a", "b"}).Print(&b)
	table := regexp.MustCompile(`\d+ checkpoint`).ReplaceAllString(b.String(), "N checkpoint") // concurrent updates share calls by chance
	const file = "testdata/print.txt"
	if os.Getenv(replaytest.UpdateVariable) != "" {
		if err := os.WriteFile(file, []byte(table), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(table, "\n")); diff != "" {
		t.Errorf("the table is not that of %s (-want +got):\n%s", file, diff)
	}
}

// Times in a table are those that people write: in days from two of them on, and without units that
// are zero.
func TestTimesOfATable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{time.Millisecond, "1ms"},
		{90 * time.Second, "1m30s"},
		{time.Hour, "1h"},
		{24 * time.Hour, "24h"},
		{36*time.Hour + time.Second, "36h0m1s"},
		{48 * time.Hour, "2d"},
		{2328 * time.Hour, "97d"},
		{50*time.Hour + 30*time.Minute, "2d2h30m"},
	} {
		r := replaytest.Run(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
			return 0, replay.Exec(ctx, op.Do("it", func(context.Context) error { return nil }))
		}), op.None{})
		r.Took, r.Operations[0].Began, r.Operations[0].Ended = tt.d, tt.d, tt.d
		var text strings.Builder
		r.Print(&text)
		if want := regexp.MustCompile(` after ` + tt.want + `, (?s:.*) ` + tt.want + ` +` + tt.want + ` `); !want.MatchString(text.String()) {
			t.Errorf("%v is not shown as %s in\n%s", tt.d, tt.want, text.String())
		}
	}
}
