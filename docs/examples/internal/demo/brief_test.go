package demo_test

import (
	"bytes"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/docs/examples/internal/demo"
)

// rounds is a chain of two executions, each of which packs some items and waits a day.
func rounds(ctx op.Context, round int) (string, error) {
	for item := range 5 {
		if err := replay.Exec(ctx, step("pack", item == 2).Key(strconv.Itoa(item))); err != nil {
			return "", err
		}
	}
	if err := replay.Exec(ctx, op.Wait("night", 24*time.Hour)); err != nil {
		return "", err
	}
	if err := replay.Exec(ctx, step("ship", false)); err != nil {
		return "", err
	}
	if round == 0 {
		return "", replay.ContinueAsNew(ctx, round+1)
	}
	return "done", nil
}

func TestBriefChain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		most   int
		want   string
	}{
		{
			reason: "what follows in a row is counted, in each invocation", most: 1,
			want: `2026-03-02 09:00:00  #1                  begins    many
                                         ran       pack[0]               done n=1
                                                   pack                  and 1 more
                                         failed    pack[2]               attempt 1: not yet
2026-03-02 09:00:02  #2, 2 replayed      ran       pack[2]               done n=1 (attempt 2)
                                                   pack                  and 2 more
2026-03-03 08:00:00                      boss      asks
2026-03-03 09:00:02  #3, 5 replayed      ran       ship                  done n=1
                                         CRASH     ship                  the body has run, its outcome is not recorded
2026-03-03 09:00:03  #4, 6 replayed      ran       ship                  done n=1
                     #1                  begins    many-2-c6896e2817
                                         ran       pack[0]               done n=1
                                                   pack                  and 1 more
                                         failed    pack[2]               attempt 1: not yet
2026-03-03 09:00:05  #2, 2 replayed      ran       pack[2]               done n=1 (attempt 2)
                                                   pack                  and 2 more
2026-03-04 09:00:05  #3, 5 replayed      ran       ship                  done n=1

EXECUTION                     BEGAN       ENDED       INVOCATIONS  OPERATIONS   BYTES
many                          2026-03-02  2026-03-03            4          10     271
many-2-c6896e2817             2026-03-03  2026-03-04            3           8      24
`,
		},
		{
			reason: "zero counts all", most: 0,
			want: `2026-03-02 09:00:00  #1                  begins    many
                                         ran       pack                  2 times
                                         failed    pack                  1 time
2026-03-02 09:00:02  #2, 2 replayed      ran       pack                  3 times
2026-03-03 08:00:00                      boss      asks
2026-03-03 09:00:02  #3, 5 replayed      ran       ship                  1 time
                                         CRASH     ship                  the body has run, its outcome is not recorded
2026-03-03 09:00:03  #4, 6 replayed      ran       ship                  1 time
                                         ran       continue-as-new       1 time
                     #1                  begins    many-2-c6896e2817
                                         ran       pack                  2 times
                                         failed    pack                  1 time
2026-03-03 09:00:05  #2, 2 replayed      ran       pack                  3 times
2026-03-04 09:00:05  #3, 5 replayed      ran       ship                  1 time

EXECUTION                     BEGAN       ENDED       INVOCATIONS  OPERATIONS   BYTES
many                          2026-03-02  2026-03-03            4          10     271
many-2-c6896e2817             2026-03-03  2026-03-04            3           8      24
`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			d := demo.New(&out, time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
			d.Brief(tt.most)
			d.CrashBefore("ship")
			d.At(time.Date(2026, 3, 3, 8, 0, 0, 0, time.UTC), func() { d.Say("boss", "asks") })
			if err := d.Service.Host("shown", replay.Handler(rounds, d.Options()...)); err != nil {
				t.Fatal(err)
			}
			result, err := demo.Chain[int, string](t.Context(), d, "shown", "many", 0)
			if result != "done" || err != nil {
				t.Errorf("got %q, %v", result, err)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}
