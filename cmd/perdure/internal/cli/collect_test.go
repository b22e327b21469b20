package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/offload/filestore"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// depot is a site whose payloads, all of them, are kept in a folder.
type depot struct {
	*site
	objects, keys string
	ends          sync.Map // the results of handlers
}

// errDeclined is the error of a bill.
var errDeclined = errors.New("declined")

// bill is invoked: it succeeds, or fails for a negative amount. settling takes long for it.
func bill(ctx op.Context, n int) (string, error) {
	if n > 1000 {
		if err := replay.Exec(ctx, op.Wait("settling", 10*time.Hour)); err != nil {
			return "", err
		}
	}
	if n < 0 {
		return "", fmt.Errorf("bill over %d: %w", n, errDeclined)
	}
	return replay.Run(ctx, op.Step("write", func(context.Context) (string, error) { return fmt.Sprint("bill over ", n), nil }))
}

// sale invokes it in all forms, waits, and says what it has got.
func sale(ctx op.Context, n int) (string, error) {
	one, err := replay.Run(ctx, op.Invoke[string]("one", "bill", n))
	if err != nil {
		return "", err
	}
	all, err := replay.Run(ctx, op.Map("all", []int{n, n + 1}, func(n int) op.Op[string] { return op.Invoke[string]("each", "bill", n) }))
	if err != nil {
		return "", err
	}
	some, err := replay.Run(ctx, op.AllSettled("some", op.Invoke[string]("good", "bill", n+2), op.Invoke[string]("bad", "bill", -n)))
	if err != nil {
		return "", err
	}
	_, declined := replay.Run(ctx, op.Invoke[string]("declined", "bill", -n))
	own, err := replay.Run(ctx, op.Step("own", func(context.Context) (string, error) { return fmt.Sprint("sale of ", n), nil }))
	if err != nil {
		return "", err
	}
	if err := replay.Exec(ctx, op.Wait("cool-off", 10*time.Hour)); err != nil {
		return "", err
	}
	return fmt.Sprint(one, all.Values(), some.Values(), some.Err(), declined, errors.Is(declined, errDeclined), own), nil
}

// rounds goes on as a successor, each of which waits.
func rounds(ctx op.Context, left []string) (string, error) {
	if err := replay.Exec(ctx, op.Wait("round", 10*time.Hour)); err != nil {
		return "", err
	}
	if len(left) == 1 {
		return left[0], nil
	}
	return "", replay.ContinueAsNew(ctx, left[1:])
}

// starts leaves a bill behind that goes on alone.
func starts(ctx op.Context, n int) (string, error) {
	return replay.Run(ctx, op.Start("bill", "bill", n))
}

// noted has the results of a handler noted.
func noted[In any](d *depot, f func(op.Context, In) (string, error)) func(op.Context, In) (string, error) {
	return func(ctx op.Context, in In) (string, error) {
		v, err := f(ctx, in)
		if err == nil {
			d.ends.Store(v, true)
		}
		return v, err
	}
}

func newDepot(t *testing.T) *depot {
	t.Helper()
	dir := t.TempDir()
	d := &depot{site: newSite(t), objects: filepath.Join(dir, "objects"), keys: keyFile(t, dir, "now")}
	store, err := filestore.Open(d.objects)
	if err != nil {
		t.Fatal(err)
	}
	d.hold(store)
	return d
}

// hold hosts the functions, with a store for all their payloads.
func (d *depot) hold(store offload.Store) {
	d.t.Helper()
	now := func() time.Time { return d.clock.Now() }
	c := codec.Chain(codec.JSON(), seal.New(seal.File(d.keys)), offload.New(store, offload.WithThreshold(0), offload.WithPatience(0), offload.WithClock(now)))
	with := []replay.HandlerOption{
		replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c), replay.WithErrors(codec.Sentinel("declined", errDeclined)),
	}
	for name, f := range map[string]lambda.Handler{
		"bill": replay.Handler(noted(d, bill), with...), "sale": replay.Handler(noted(d, sale), with...),
		"rounds": replay.Handler(noted(d, rounds), with...), "starts": replay.Handler(starts, with...),
	} {
		if err := d.service.Host(name, f); err != nil {
			d.t.Fatal(err)
		}
	}
}

// age has all objects have been written two days before the tests begin.
func (d *depot) age() { d.written(begin.Add(-48 * time.Hour)) }

// written has all objects have been written at a time.
func (d *depot) written(at time.Time) {
	d.t.Helper()
	for _, name := range d.files() {
		if err := os.Chtimes(name, at, at); err != nil {
			d.t.Fatal(err)
		}
	}
}

// move has the objects of a function be those of another one.
func (d *depot) move(from, to string) {
	d.t.Helper()
	scopes, err := filepath.Glob(filepath.Join(d.objects, from+"_*"))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, scope := range scopes {
		if err := os.Rename(scope, filepath.Join(d.objects, to+strings.TrimPrefix(filepath.Base(scope), from))); err != nil {
			d.t.Fatal(err)
		}
	}
}

func (d *depot) files() (names []string) {
	d.t.Helper()
	if err := filepath.WalkDir(d.objects, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	}); err != nil {
		d.t.Fatal(err)
	}
	return names
}

// sold is the result of a sale of 5.
const sold = "bill over 5[bill over 5 bill over 6] [bill over 7] bill over -5: declined bill over -5: declined truesale of 5"

// TestCollectLeavesWhatExecutionsNeed: an execution goes on after a collection, also if all have
// ended and been forgotten that have written what it reads.
func TestCollectLeavesWhatExecutionsNeed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason  string
		prepare func(d *depot)
		want    string
	}{
		{
			"a caller has results and errors of functions that have ended", func(d *depot) {
				d.do("start", "sale", "5", "--name", "S-1")
				d.forget("bill")
			},
			sold,
		},
		{
			"a function that goes on has its input of one that has started it and ended", func(d *depot) {
				d.do("start", "starts", "2000", "--name", "S-1")
				d.forget("starts")
			},
			"bill over 2000",
		},
		{
			"a successor has its input of its predecessor", func(d *depot) {
				d.do("start", "rounds", `["a","b","last"]`, "--name", "R-1")
				d.advance(11 * time.Hour)
				d.forget("rounds")
			},
			"last",
		},
		{
			"a fork has records of the original, which has ended", func(d *depot) {
				d.do("start", "sale", "5", "--name", "S-1")
				d.do("fork", "S-1", "-f", "sale", "--before", "cool-off")
				d.do("stop", "S-1", "-f", "sale")
				d.forget("sale")
				d.forget("bill")
			},
			sold,
		},
		{
			"a redriven execution has records of the one that has failed", func(d *depot) {
				d.do("start", "sale", "5", "--name", "S-1")
				d.do("stop", "S-1", "-f", "sale")
				d.do("redrive", "S-1", "-f", "sale")
				d.forget("sale")
				d.forget("bill")
			},
			sold,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			d := newDepot(t)
			tt.prepare(d)
			needed := len(d.files())
			d.do("start", "bill", "1", "--name", "garbage")
			if garbage := len(d.files()) - needed; garbage < 2 {
				t.Fatalf("a bill leaves %d objects, want more", garbage)
			}
			d.forget("bill")
			d.age()
			found := len(d.files())
			got := d.run("collect", "--objects", d.objects, "--ended", "1s", "-o", "json")
			var said struct{ Removed, Kept, Executions int }
			if err := json.Unmarshal([]byte(got.out), &said); err != nil || got.code != cli.ExitOK || got.err != "" {
				t.Fatalf("%v: %+v", err, got)
			}
			if left := len(d.files()); left != said.Kept || left+said.Removed != found || said.Removed < 2 || left == 0 {
				t.Errorf("%d objects are left of %d, and it says %+v", left, found, said)
			}
			d.advance(100 * time.Hour)
			_, reached := d.ends.Load(tt.want)
			if !reached {
				t.Errorf("no execution ends as %q", tt.want)
				for _, e := range d.service.Executions() {
					t.Log(d.run("show", e.ARN(), "--keyring", d.keys, "--objects", d.objects))
				}
			}
		})
	}
}

// do runs a command that must succeed, and lets executions run.
func (d *depot) do(args ...string) {
	d.t.Helper()
	if got := d.run(args...); got.code != cli.ExitOK {
		d.t.Fatalf("%q: %+v", args, got)
	}
	d.settle()
}

// forget has the service delete the executions of a function that have ended.
func (d *depot) forget(function string) {
	d.t.Helper()
	d.do("delete", "--all", "--function", function, "--rate", "1000")
}

// TestCollect: what is removed, and what is said of it.
func TestCollect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason  string
		prepare func(d *depot)
		flags   []string
		code    int
		removed int
		out     string
		err     string
	}{
		{
			"what has a history stays", nil,
			nil, cli.ExitOK, 0, "removed 0 objects (0 bytes), kept 4; 4 histories were read\n", "",
		},
		{
			"unless it ended longer ago", nil,
			[]string{"--ended", "30m"},
			cli.ExitOK, 3, "removed 3 objects (", "",
		},
		{
			"what ended just now stays", nil,
			[]string{"--ended", "90m"},
			cli.ExitOK, 0, "removed 0 objects (0 bytes), kept 4; 4 histories were read\n", "",
		},
		{
			"what has no history is removed", func(d *depot) { d.forget("bill") },
			nil, cli.ExitOK, 2, "removed 2 objects (", "",
		},
		{
			"a dry run removes nothing", func(d *depot) { d.forget("bill") },
			[]string{"--dry-run"},
			cli.ExitOK, 0, "would remove 2 objects (", "",
		},
		{
			"what was written just now stays", func(d *depot) { d.forget("bill"); d.written(begin.Add(-time.Hour)) },
			nil, cli.ExitOK, 0, "removed 0 objects (0 bytes), kept 4; 3 histories were read\n", "",
		},
		{
			"or not", func(d *depot) { d.forget("bill"); d.written(begin.Add(-time.Hour)) },
			[]string{"--min-age", "10m"},
			cli.ExitOK, 2, "removed 2 objects (", "",
		},
		{
			"functions that are chosen", func(d *depot) { d.forget("bill") },
			[]string{"--function", "starts"},
			cli.ExitOK, 0, "removed 0 objects (0 bytes), kept 2; 3 histories were read\n", "perdure: 2 objects are of functions that were not chosen; --function chooses them\n",
		},
		{
			"functions that the service does not have", func(d *depot) {
				d.forget("bill")
				d.move("bill", "gone")
			},
			nil, cli.ExitOK, 0, "removed 0 objects", "perdure: 2 objects are of functions that the service does not have; --function chooses them\n",
		},
		{
			"which are chosen", func(d *depot) {
				d.forget("bill")
				d.move("bill", "gone")
			},
			[]string{"--function", "gone"},
			cli.ExitOK, 2, "removed 2 objects (", "perdure: 2 objects are of functions that were not chosen",
		},
		{
			"what cannot be known stops it", func(d *depot) {
				d.do("start", "starts", `{"note":"~perdure2:offload:t9"}`, "--name", "later")
			},
			nil, cli.ExitUnavailable, 0, "", `/later/6c9f… needs: event 1, ExecutionStarted "": offload: a payload is in form 2, and this code reads form 1: `,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			d := newDepot(t)
			d.do("start", "bill", "1", "--name", "B-1")       // two objects: what its step returns, and what it does
			d.do("start", "rounds", `["a"]`, "--name", "R-1") // which waits, and has none
			d.do("start", "starts", "2000", "--name", "S-1")  // two: the input of another bill, which goes on, and its ARN
			d.advance(time.Hour)
			d.age()
			if tt.prepare != nil {
				tt.prepare(d)
			}
			before := len(d.files())
			got := d.run(append([]string{"collect", "--objects", d.objects}, tt.flags...)...)
			if got.code != tt.code || !strings.HasPrefix(got.out, tt.out) || !strings.Contains(got.err, tt.err) || tt.err == "" && got.err != "" {
				t.Errorf("%+v, want %d, %q and %q", got, tt.code, tt.out, tt.err)
			}
			if removed := before - len(d.files()); removed != tt.removed {
				t.Errorf("%d of %d objects are removed, want %d: %+v", removed, before, tt.removed, got)
			}
		})
	}
}

// TestCollectWhereHistoriesAreCutOff: what a history has cut off is asked of the executions that
// have written it. If they are gone, nothing is removed.
func TestCollectWhereHistoriesAreCutOff(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	cutting := httptest.NewServer(lambdaapi.Handler(d.service, lambdaapi.WithTruncation(50)))
	t.Cleanup(cutting.Close)
	d.do("start", "sale", "5", "--name", "S-1")
	d.age()
	before := len(d.files())
	got := d.run("collect", "--objects", d.objects, "--ended", "0s", "--endpoint", cutting.URL)
	if got.code != cli.ExitOK || got.err != "" {
		t.Fatalf("%+v", got)
	}
	if left := len(d.files()); left == before || left == 0 {
		t.Errorf("%d of %d objects are left: want those that the sale needs", left, before)
	}
	kept := len(d.files())
	d.forget("bill")
	got = d.run("collect", "--objects", d.objects, "--ended", "0s", "--endpoint", cutting.URL)
	if got.code == cli.ExitOK || !strings.Contains(got.err, "nothing is removed: it cannot be known what") || len(d.files()) != kept {
		t.Errorf("%d of %d objects are left: %+v", len(d.files()), kept, got)
	}
	d.advance(100 * time.Hour)
	if _, ok := d.ends.Load(sold); !ok {
		t.Errorf("the sale does not end as it is to: %+v", d.run("show", "S-1", "-f", "sale", "--keyring", d.keys, "--objects", d.objects))
	}
}

// TestCollectIsRefused: flags that cannot be are refused before anything is read.
func TestCollectIsRefused(t *testing.T) {
	t.Parallel()
	s, dir := newSite(t), t.TempDir()
	for _, tt := range []struct {
		args []string
		says string
	}{
		{nil, "--objects is missing"},
		{[]string{"--objects", filepath.Join(dir, "missing")}, "a bucket is written s3://BUCKET"},
		{[]string{"--objects", dir, "--ended", "-1s"}, "--ended is a duration such as 168h"},
		{[]string{"--objects", dir, "--min-age", "-1s"}, "--min-age is a duration such as 24h"},
		{[]string{"--objects", dir, "--rate", "-1"}, "--rate is a number of calls a second"},
		{[]string{"all", "--objects", dir}, `there is no argument "all"`},
	} {
		if got := s.run(append([]string{"collect"}, tt.args...)...); got.code != cli.ExitUsage || !strings.Contains(got.err, tt.says) {
			t.Errorf("%v: %+v", tt.args, got)
		}
	}
	if got := s.run("collect", "--objects", dir, "--endpoint", "http://127.0.0.1:1"); got.code != cli.ExitUnavailable {
		t.Errorf("a service that does not answer: %+v", got)
	}
}
