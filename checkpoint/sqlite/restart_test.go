package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/checkpoint/sqlite"
)

// diesKey is the variable that makes a process that holds a store run a chain of executions: which
// process it is. Each but the first ends in a commit.
const diesKey = "PERDURE_TEST_DIES"

// rounds is how long the chain is, died the exit code of a process that has ended in a commit.
const rounds, died = 3, 7

// mortal ends the process in a commit, as if it were killed: before it, or when it is made and no
// one knows.
type mortal struct {
	local.Store

	left   int // commits; negative for any number
	before bool
}

// Commit implements [local.Store].
func (m *mortal) Commit(t local.Transition) error {
	if m.left == 0 && m.before {
		os.Exit(died)
	}
	err := m.Store.Commit(t)
	if m.left == 0 {
		os.Exit(died)
	}
	m.left--
	return err
}

// round is one execution of the chain.
type round struct{ N, Sum int }

// runChain starts an execution under a name, or finds it, and runs that, those that continue it and
// those that they start to their ends, on the store at a path.
func runChain(path string, process int) (err error) {
	store, err := sqlite.Open(path, sqlite.WithRetention(0)) // the clock is in the past
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	clock := local.NewVirtualClock(time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC).Add(time.Duration(process) * time.Hour))
	svc := local.New(local.WithClock(clock), local.WithStore(&mortal{store, process, process%2 == 0}))
	defer func() { err = errors.Join(err, svc.Close()) }()
	once := func(ctx context.Context) error {
		info, _ := op.InfoFrom(ctx)
		e, ok := svc.Execution(info.ExecutionARN)
		if !ok {
			return fmt.Errorf("there is no execution %s", info.ExecutionARN)
		}
		if rec, ok := e.Operation(info.ID); ok && rec.Status.Terminal() {
			fmt.Printf("the body of %s ran although its result was recorded\n", info.Path)
		}
		return nil
	}
	order := replay.Handler(func(ctx op.Context, r round) (int, error) {
		sum, err := replay.Run(ctx, op.Step("add", func(ctx context.Context) (int, error) { return r.Sum + r.N, once(ctx) }))
		if err != nil {
			return 0, err
		}
		if _, err := replay.Run(ctx, op.Start("mail", "mail:live", sum)); err != nil {
			return 0, err
		}
		if err := replay.Exec(ctx, op.Wait("pause", time.Minute)); err != nil || r.N == rounds {
			return sum, err
		}
		return 0, replay.ContinueAsNew(ctx, round{r.N + 1, sum})
	})
	mail := replay.Handler(func(ctx op.Context, sum int) (int, error) {
		return sum, replay.Exec(ctx, op.Do("send", once))
	})
	if err := errors.Join(svc.Host("order", order), svc.Host("mail", mail)); err != nil {
		return err
	}
	if _, err := svc.Start(context.Background(), "order", "order-17", []byte(`{"N":1}`)); err != nil {
		return err
	}
	for {
		open := slices.DeleteFunc(svc.Executions(), func(e *local.Execution) bool { return e.Status().Terminal() })
		if len(open) == 0 {
			return nil
		}
		for _, e := range open {
			if err := e.RunUntilSuspended(context.Background()); err != nil {
				return err
			}
		}
		if at, ok := clock.Next(); ok {
			clock.AdvanceTo(at)
		}
	}
}

// TestChainsGoOnInOtherProcesses: a process that runs executions which continue each other, and
// start others, dies in a commit, and so do those that take its file over. There is one execution
// for each round and for each start, as if there had been one process.
func TestChainsGoOnInOtherProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "executions.db")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	deaths, over := 0, false
	for process := 1; !over && process <= 40; process++ {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), storeKey+"="+path, diesKey+"="+strconv.Itoa(process))
		said, err := cmd.CombinedOutput()
		switch over = err == nil; {
		case cmd.ProcessState.ExitCode() == died:
			deaths++
		case err != nil:
			t.Fatalf("process %d: %v\n%s", process, err, said)
		}
		if strings.Contains(string(said), "although") {
			t.Errorf("process %d: %s", process, said)
		}
	}
	if !over || deaths < 5 {
		t.Fatalf("%d processes have died; over: %t", deaths, over)
	}
	t.Logf("%d processes died in a commit", deaths)

	store, err := sqlite.Open(path, sqlite.WithReadOnly())
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, store)
	all, err := store.List(local.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var orders, mails []string
	next := ""
	for _, rec := range all {
		kept, err := store.Load(rec.ARN)
		if err != nil {
			t.Fatal(err)
		}
		e := kept.Execution
		line := fmt.Sprintf("%s %s", e.Status, e.Result.String())
		if !strings.Contains(e.ARN, ":order:") {
			mails = append(mails, line)
			continue
		}
		if next != "" && e.ARN != next {
			t.Errorf("after the execution that goes on as %s comes %s", next, e.ARN)
		}
		var goesOn bool
		if next, goesOn = checkpoint.ContinuedAs(e.Result.Bytes()); goesOn {
			line = string(e.Status) + " and continued"
		}
		orders = append(orders, line)
		if started, err := store.Load(startedBy(kept)); err != nil || !strings.Contains(started.Execution.ARN, ":mail:") {
			t.Errorf("%s has started %q: %v", e.ARN, startedBy(kept), err)
		}
	}
	if want := []string{"SUCCEEDED and continued", "SUCCEEDED and continued", "SUCCEEDED 6"}; !slices.Equal(orders, want) {
		t.Errorf("the chain is %q, want %q", orders, want)
	}
	if want := []string{"SUCCEEDED 1", "SUCCEEDED 3", "SUCCEEDED 6"}; !slices.Equal(mails, want) {
		t.Errorf("what it has started is %q, want %q", mails, want)
	}
}

// startedBy is the ARN that the operation "mail" of an execution has as its result.
func startedBy(s local.Snapshot) string {
	for _, rec := range s.Records {
		if rec.Name == "mail" {
			return strings.Trim(rec.Payload.String(), `"`)
		}
	}
	return ""
}
