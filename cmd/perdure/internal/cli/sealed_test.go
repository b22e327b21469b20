package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/offload/filestore"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// closedOrder is a function whose payloads and errors are sealed, and kept elsewhere if they are
// long. The program of closedProgram has the same operations.
func closedOrder(ctx op.Context, in string) (string, error) {
	card, err := replay.Run(ctx, op.Step("card", func(context.Context) (string, error) { return secretResult, nil }))
	if err != nil {
		return "", err
	}
	parcels, err := replay.Run(ctx, op.Map("parcels", []string{"a", "b"}, op.StepFunc("pack", func(_ context.Context, item string) (string, error) {
		return secretLarge + strings.Repeat(item, 3000), nil
	})))
	if err != nil {
		return "", err
	}
	err = replay.Exec(ctx, op.Do("refuse", func(context.Context) error { return retry.Permanent(errors.New("no: " + secretFailure)) }))
	if card == secretResult && len(parcels.Values()) == 2 && err != nil && strings.Contains(err.Error(), secretFailure) {
		err = replay.Exec(ctx, op.Wait("cool-off", time.Hour))
	}
	if err != nil {
		return "", err
	}
	return in, replay.Exec(ctx, op.Step("ship", func(context.Context) (string, error) { return "shipped", nil }))
}

const closedProgram = `package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/offload/filestore"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func order(ctx op.Context, in string) (string, error) {
	card, err := replay.Run(ctx, op.Step("card", func(context.Context) (string, error) { panic("a body runs") }))
	if err != nil {
		return "", err
	}
	parcels, err := replay.Run(ctx, op.Map("parcels", []string{"a", "b"}, op.StepFunc("pack", func(context.Context, string) (string, error) {
		panic("a body runs")
	})))
	if err != nil {
		return "", err
	}
	err = replay.Exec(ctx, op.Do("refuse", func(context.Context) error { panic("a body runs") }))
	known := card == "` + secretResult + `" && err != nil && strings.Contains(err.Error(), "` + secretFailure + `")
	if known = known && strings.HasPrefix(parcels.Values()[1], "` + secretLarge + `"); known || os.Getenv("CLOSED_REDACTED") != "" {
		err = replay.Exec(ctx, op.Wait(os.Getenv("CLOSED_WAIT"), time.Hour))
	}
	if err != nil {
		return "", err
	}
	return in, replay.Exec(ctx, op.Step("ship", func(context.Context) (string, error) { panic("a body runs") }))
}

func main() {
	store, err := filestore.Open(os.Getenv("CLOSED_OBJECTS"))
	if err != nil {
		panic(err)
	}
	c := codec.Chain(codec.JSON(), seal.New(seal.File(os.Getenv("CLOSED_KEYS"))), offload.New(store, offload.WithThreshold(2000)))
	lambda.Start(replay.Handler(order, replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c)))
}
`

// newClosed hosts closedOrder as the function "closed", with keys and a folder, and starts C-1,
// which waits.
func newClosed(t *testing.T, around func(func(op.Context, string) (string, error)) func(op.Context, string) (string, error)) *vault {
	t.Helper()
	dir := t.TempDir()
	v := &vault{site: newSite(t), objects: filepath.Join(dir, "objects")}
	v.keys, v.otherKeys = keyFile(t, dir, "now"), keyFile(t, dir, "other")
	store, err := filestore.Open(v.objects)
	if err != nil {
		t.Fatal(err)
	}
	c := codec.Chain(codec.JSON(), seal.New(seal.File(v.keys)), offload.New(store, offload.WithThreshold(2000)))
	f := replay.Handler(around(closedOrder), replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c))
	if err := v.service.Host("closed", f); err != nil {
		t.Fatal(err)
	}
	if got := v.run("start", "closed", `"in"`, "--name", "C-1"); got.code != cli.ExitOK {
		t.Fatalf("%+v", got)
	}
	v.settle()
	return v
}

func asItIs(f func(op.Context, string) (string, error)) func(op.Context, string) (string, error) {
	return f
}

// TestCompatOfClosedHistories: what is sealed and kept elsewhere is opened by the function, or by
// flags. Without keys or objects nothing is decided.
func TestCompatOfClosedHistories(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a function")
	}
	v, w := newClosed(t, asItIs), newWorkshop(t)
	w.write("closed/main.go", closedProgram)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", "closed.bin", "./closed")
	build.Dir, build.Env = w.dir, w.env
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	empty := t.TempDir()
	flags := []string{"--keyring", v.keys, "--objects", v.objects}
	tests := []struct {
		reason              string
		keys, objects, wait string
		flags               []string
		code                int
		says                string
	}{
		{"keys and objects are there", v.keys, v.objects, "cool-off", nil, cli.ExitOK, "the running execution of closed fits"},
		{"and find what does not fit", v.keys, v.objects, "grace", nil, cli.ExitFailed, `op.Wait("grace", …).Was("cool-off")`},
		{"other keys", v.otherKeys, v.objects, "cool-off", nil, cli.ExitOK, "1 of 1 running execution of closed cannot be decided\n  1 × a payload of \"card\" is withheld: it is sealed: "},
		{"other keys, and flags", v.otherKeys, empty, "cool-off", flags, cli.ExitOK, "the running execution of closed fits"},
		{"the flags find what does not fit", v.otherKeys, empty, "grace", flags, cli.ExitFailed, "1 of 1 running execution of closed would diverge"},
		{"keys alone", v.otherKeys, empty, "cool-off", flags[:2], cli.ExitOK, "cannot be decided"},
		{"without objects", v.keys, empty, "cool-off", nil, cli.ExitOK, "cannot be decided"},
	}
	for _, tt := range tests {
		for _, histories := range []bool{false, true} {
			here := *w
			here.env = append(append([]string{}, w.env...), "CLOSED_KEYS="+tt.keys, "CLOSED_OBJECTS="+tt.objects, "CLOSED_WAIT="+tt.wait)
			args := append([]string{"compat", "closed=./closed.bin"}, tt.flags...)
			if histories {
				args = append(args, "--histories")
			}
			got := here.run(v.endpoint, args...)
			if got.code != tt.code || !strings.Contains(got.out, tt.says) {
				t.Errorf("%s, histories %t: %+v, want %d and %q", tt.reason, histories, got, tt.code, tt.says)
			}
			for _, secret := range []string{secretResult, secretFailure, secretLarge} {
				if strings.Contains(got.out+got.err, secret) {
					t.Errorf("%s: %s is shown: %+v", tt.reason, secret, got)
				}
			}
		}
	}
}

// TestRecordOfClosedHistories: --redact withholds what is closed, and redacts what flags open.
func TestRecordOfClosedHistories(t *testing.T) {
	t.Parallel()
	v := newClosed(t, asItIs)
	tests := []struct {
		reason                  string
		flags                   []string
		says                    string
		withheld, plain, sealed bool
	}{
		{"nothing is opened", []string{"--redact"}, "1 history has payloads that are withheld", true, false, false},
		{"opened and redacted", []string{"--redact", "--keyring", v.keys, "--objects", v.objects}, "wrote 1 of 1 history", false, false, false},
		{"the objects are missing", []string{"--redact", "--keyring", v.keys}, "withheld", true, false, false},
		{"as it is", []string{"--plain"}, "wrote 1 of 1 history", false, false, true},
		{"opened, and as it is", []string{"--plain", "--keyring", v.keys, "--objects", v.objects}, "wrote 1 of 1 history", false, true, false},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		got := v.run(append([]string{"record", "closed", "--dir", dir}, tt.flags...)...)
		if got.code != cli.ExitOK || !strings.Contains(got.err, tt.says) {
			t.Errorf("%s: %+v", tt.reason, got)
		}
		all, text := readHistories(t, dir)
		withheld := strings.Contains(text, `"Truncated": true`)
		plain := strings.Contains(text, secretResult) && strings.Contains(text, secretFailure) && strings.Count(text, secretLarge) >= 2
		sealed := strings.Contains(text, "perdure") && strings.Contains(text, "encoded")
		if len(all) != 1 || withheld != tt.withheld || plain != tt.plain || sealed != tt.sealed {
			t.Errorf("%s: withheld %t, plain %t, sealed %t in\n%s", tt.reason, withheld, plain, sealed, text)
		}
	}
	if got := v.run("record", "closed", "--redact", "--keyring", filepath.Join(t.TempDir(), "none")); got.code != cli.ExitUsage {
		t.Errorf("no such keyring: %+v", got)
	}
	if _, err := os.Stat("testdata/histories/closed"); err == nil {
		t.Error("a refused command writes")
	}
}

// TestForkAndRedriveOfClosedHistories: the new executions open what was sealed for the one that
// they come from, keep it sealed, and are shown with the keys.
func TestForkAndRedriveOfClosedHistories(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	v := newClosed(t, func(f func(op.Context, string) (string, error)) func(op.Context, string) (string, error) {
		return func(ctx op.Context, in string) (string, error) {
			out, err := f(ctx, in)
			if err == nil {
				err = replay.Exec(ctx, op.Do("deliver", func(context.Context) error {
					if broken.Load() {
						return retry.Permanent(errors.New("no: " + secretFailure))
					}
					return nil
				}))
			}
			return out, err
		}
	})
	if got := v.run("fork", "C-1", "-f", "closed", "--before", "refuse"); got.code != cli.ExitOK || !strings.Contains(got.out, "C-1-fork-1") {
		t.Fatalf("%+v", got)
	}
	broken.Store(true)
	v.advance(2 * time.Hour)
	broken.Store(false)
	if got := v.run("redrive", "C-1-fork-1", "-f", "closed", "--name", "C-2"); got.code != cli.ExitOK {
		t.Fatalf("%+v", got)
	}
	v.advance(2 * time.Hour)
	for name, status := range map[string]string{"C-1": "FAILED", "C-1-fork-1": "FAILED", "C-2": "SUCCEEDED"} {
		closed := v.run("show", name, "-f", "closed", "-o", "json")
		var shown struct{ Status string }
		if err := json.Unmarshal([]byte(closed.out), &shown); err != nil || shown.Status != status {
			t.Errorf("%s: %v, %+v, want %s", name, err, closed, status)
		}
		for _, secret := range []string{secretResult, secretFailure, secretLarge} {
			if strings.Contains(closed.out, secret) {
				t.Errorf("%s: %s is shown without keys", name, secret)
			}
		}
		opened := v.run("show", name, "-f", "closed", "-o", "json", "--keyring", v.keys, "--objects", v.objects)
		if !strings.Contains(opened.out, secretResult) || !strings.Contains(opened.out, secretFailure) {
			t.Errorf("%s with keys: %+v", name, opened)
		}
	}
}

// TestRecordOfClosedHistoriesThatAreCutOff: what a history has cut off stays withheld where the
// rest is opened. It is no empty payload.
func TestRecordOfClosedHistoriesThatAreCutOff(t *testing.T) {
	t.Parallel()
	v := newClosed(t, asItIs)
	cutting := httptest.NewServer(lambdaapi.Handler(v.service, lambdaapi.WithTruncation(3000)))
	t.Cleanup(cutting.Close)
	long := `"` + strings.Repeat("in", 3000) + `"`
	if got := v.run("start", "closed", long, "--name", "C-2"); got.code != cli.ExitOK {
		t.Fatalf("%+v", got)
	}
	v.settle()
	dir := t.TempDir()
	got := v.run("record", "closed", "--name", "C-2", "--plain", "--dir", dir, "--endpoint", cutting.URL, "--keyring", v.keys, "--objects", v.objects)
	_, text := readHistories(t, dir)
	if got.code != cli.ExitOK || !strings.Contains(text, `"Truncated": true`) || !strings.Contains(text, secretResult) {
		t.Errorf("%+v\n%s", got, text)
	}
	if shown := v.run("show", "C-2", "-f", "closed", "--endpoint", cutting.URL, "--keyring", v.keys); shown.code != cli.ExitOK {
		t.Errorf("%+v", shown)
	}
}
