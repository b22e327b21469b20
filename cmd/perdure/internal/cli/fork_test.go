package cli_test

import (
	"context"
	"strings"
	"testing"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// TestRepeatInterrupted: a charge whose effect may have happened is made again by a redrive or a
// fork if whoever asks for it says that it may be. That needs no key where errors are sealed.
func TestRepeatInterrupted(t *testing.T) {
	t.Parallel()
	key, err := seal.GenerateKey("k1")
	if err != nil {
		t.Fatal(err)
	}
	c := codec.Chain(codec.JSON(), seal.New(seal.Static(key)))
	for name, with := range map[string][]replay.HandlerOption{
		"plain": nil, "sealed": {replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repeatInterrupted(t, with)
		})
	}
}

func repeatInterrupted(t *testing.T, with []replay.HandlerOption) {
	t.Helper()
	s := newSite(t)
	charge := op.Step("charge", func(context.Context) (int, error) { return 0, op.ErrInterrupted },
		op.WithSemantics(op.AtMostOncePerRetry))
	if err := s.service.Host("shop", replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		if err := replay.Exec(ctx, op.Do("hold", func(context.Context) error { return nil })); err != nil {
			return 0, err
		}
		return replay.Run(ctx, charge)
	}, with...)); err != nil {
		t.Fatal(err)
	}
	if got := s.run("start", "shop:$LATEST", "--name", "C-1"); got.code != cli.ExitOK {
		t.Fatalf("start: %+v", got)
	}
	s.settle()
	for _, tt := range []struct {
		args, reason string
		code         int
		says         string
	}{
		{"redrive C-1 -f shop", "the charge may be there", cli.ExitUsage, "perdure: redrive: charge was interrupted and may have had an effect"},
		{"fork C-1 -f shop --before hold", "it would run again as well", cli.ExitUsage, "perdure: fork: charge was interrupted"},
		{"redrive C-1 -f shop --repeat-interrupted", "someone has asked", cli.ExitOK, "C-1-redrive-1"},
		{"fork C-1 -f shop --before charge --repeat-interrupted", "someone has asked", cli.ExitOK, "C-1-fork-1"},
	} {
		got := s.run(strings.Fields(tt.args)...)
		if got.code != tt.code || !strings.Contains(got.out+got.err, tt.says) {
			t.Errorf("%s: %s: %+v", tt.args, tt.reason, got)
		}
		if tt.code == cli.ExitUsage && !strings.Contains(got.err, "--repeat-interrupted") {
			t.Errorf("%s: it does not say what to do: %s", tt.args, got.err)
		}
	}
	s.settle()
	if got := len(s.service.Executions()); got != 3 {
		t.Errorf("%d executions, want the first one and two that were asked for", got)
	}
}
