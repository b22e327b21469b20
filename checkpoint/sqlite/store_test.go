package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/storetest"

	"github.com/perdure/perdure/checkpoint/sqlite"
)

// open opens a store and closes it with the test.
func open(t *testing.T, path string, opts ...sqlite.Option) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(path, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t *testing.T, s *sqlite.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func file(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "executions.db")
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) local.Store {
		t.Helper()
		return open(t, file(t), sqlite.WithRetention(0))
	})
}

func transition(arn string, n int, end time.Time) local.Transition {
	r := local.ExecutionRecord{ARN: arn, Name: arn, Function: "f:1", Status: local.StatusRunning, Start: time.UnixMilli(1).UTC(), Invocations: n}
	if !end.IsZero() {
		r.Status, r.End = local.StatusSucceeded, end
	}
	return local.Transition{
		Execution: r,
		Records: []local.Record{{Operation: checkpoint.Operation{
			ID: fmt.Sprint("op-", n), Kind: checkpoint.KindStep, Status: checkpoint.StatusSucceeded,
			Payload: checkpoint.TextPayload(strings.Repeat("x", 200*n)),
		}}},
		Events: []local.Event{{ID: n, Type: local.EventStepStarted, OperationID: fmt.Sprint("op-", n), Time: time.UnixMilli(int64(n)).UTC()}},
		Set:    []local.Timer{{TimerKey: local.TimerKey{Operation: fmt.Sprint("op-", n), Purpose: local.PurposeWait}, At: time.UnixMilli(9).UTC()}},
	}
}

func commit(t *testing.T, s local.Store, all ...local.Transition) {
	t.Helper()
	for _, tr := range all {
		if err := s.Commit(tr); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFileIsKept(t *testing.T) {
	t.Parallel()
	path := file(t)
	s := open(t, path)
	commit(t, s, transition("one", 1, time.Time{}))
	closeStore(t, s)
	closeStore(t, s) // a second time does nothing
	if err := s.Commit(transition("one", 2, time.Time{})); !errors.Is(err, sqlite.ErrClosed) {
		t.Errorf("Commit of a closed store: %v", err)
	}
	if _, err := s.Load("one"); !errors.Is(err, sqlite.ErrClosed) {
		t.Errorf("Load of a closed store: %v", err)
	}
	kept, err := open(t, path).Load("one")
	if err != nil || len(kept.Records) != 1 || len(kept.Timers) != 1 {
		t.Errorf("got %+v, %v", kept, err)
	}
}

// What executions are given and return is no one else's business.
func TestOnlyTheOwnerReads(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "50%20 of? #1&2.db")
	s := open(t, path)
	if err := s.Commit(transition("e", 1, time.Time{})); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal", path + "-lock"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has the mode %o, want 600", filepath.Base(name), mode)
		}
	}
}

func TestReadersBesideTheWriter(t *testing.T) {
	t.Parallel()
	path := file(t)
	w := open(t, path)
	commit(t, w, transition("one", 1, time.Time{}))
	r := open(t, path, sqlite.WithReadOnly())
	for n := 2; n < 5; n++ {
		commit(t, w, transition("one", n, time.Time{}))
		if kept, err := r.Load("one"); err != nil || len(kept.Records) != n {
			t.Errorf("after %d commits a reader sees %d records, %v", n, len(kept.Records), err)
		}
	}
	if err := r.Commit(transition("one", 9, time.Time{})); !errors.Is(err, sqlite.ErrReadOnly) {
		t.Errorf("Commit of a reader: %v", err)
	}
}

// A reader never sees a part of a transition, however many are committed meanwhile.
func TestReadersSeeWholeTransitions(t *testing.T) {
	t.Parallel()
	path := file(t)
	w := open(t, path)
	commit(t, w, transition("one", 1, time.Time{}))
	written := make(chan error, 1)
	stop := make(chan struct{})
	go func() {
		for n := 2; ; n++ {
			select {
			case <-stop:
				written <- nil
				return
			default:
			}
			tr := transition("one", n, time.Time{})
			tr.Records[0].Payload = checkpoint.TextPayload("x")
			if err := w.Commit(tr); err != nil {
				written <- err
				return
			}
		}
	}()
	r := open(t, path, sqlite.WithReadOnly())
	for seen := make(map[int]bool); len(seen) < 50; {
		kept, err := r.Load("one")
		n := kept.Execution.Invocations
		if err != nil || len(kept.Records) != n || len(kept.Timers) != n {
			t.Errorf("after %d transitions a reader sees %d records and %d timers, %v", n, len(kept.Records), len(kept.Timers), err)
			break
		}
		seen[n] = true
	}
	close(stop)
	if err := <-written; err != nil {
		t.Error(err)
	}
}

// TestSecondWriter: a process that has been killed leaves nothing that keeps others away.
func TestSecondWriter(t *testing.T) {
	t.Parallel()
	path := file(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	holder := exec.CommandContext(t.Context(), self)
	holder.Env = append(os.Environ(), storeKey+"="+path)
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	seen := ""
	for buf := make([]byte, 256); !strings.Contains(seen, "holding <nil>"); {
		n, err := out.Read(buf)
		if err != nil {
			t.Fatal(seen, err)
		}
		seen += string(buf[:n])
	}
	if _, err := sqlite.Open(path); !errors.Is(err, sqlite.ErrInUse) || !strings.Contains(err.Error(), "end it, or use another file") {
		t.Errorf("a second writer: %v", err)
	}
	reader, err := sqlite.Open(path, sqlite.WithReadOnly())
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, reader)
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait() // it was killed
	if kept, err := open(t, path).Load("one"); err != nil || len(kept.Records) != 1 {
		t.Errorf("after the writer was killed: %+v, %v", kept, err)
	}
}

// storeKey is the variable that makes the test binary a process that holds a store.
const storeKey = "PERDURE_TEST_STORE"

// TestMain runs the tests, or another process of one.
func TestMain(m *testing.M) {
	path := os.Getenv(storeKey)
	if path == "" {
		os.Exit(m.Run())
	}
	if process, err := strconv.Atoi(os.Getenv(diesKey)); err == nil {
		if err := runChain(path, process); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	s, err := sqlite.Open(path)
	if err == nil {
		err = s.Commit(transition("one", 1, time.Time{}))
	}
	fmt.Println("holding", err)
	select {} // until it is killed
}

func TestFilesThatAreNoStores(t *testing.T) {
	t.Parallel()
	database := func(t *testing.T, path string, statements ...string) {
		t.Helper()
		c, err := sqlite3.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range statements {
			if err := c.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name, reason string
		make         func(t *testing.T, path string)
		want         error
		text         string
	}{
		{
			name: "text", reason: "not a database at all", want: sqlite.ErrDamaged, text: "restore it",
			make: func(t *testing.T, path string) {
				t.Helper()
				if err := os.WriteFile(path, []byte(strings.Repeat("hello ", 1000)), 0o600); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "another database", reason: "its tables are someone else's", want: sqlite.ErrSchema, text: "something else",
			make: func(t *testing.T, path string) { t.Helper(); database(t, path, `CREATE TABLE a (b)`) },
		},
		{
			name: "a later version", reason: "it may hold what this version would destroy", want: sqlite.ErrSchema, text: "later version of perdure",
			make: func(t *testing.T, path string) {
				t.Helper()
				closeStore(t, open(t, path))
				database(t, path, `PRAGMA user_version = 99`)
			},
		},
		{
			name: "a damaged page", reason: "quick_check finds it", want: sqlite.ErrDamaged, text: "restore it",
			make: func(t *testing.T, path string) {
				t.Helper()
				s := open(t, path)
				for n := 1; n < 200; n++ {
					commit(t, s, transition("one", n, time.Time{}))
				}
				closeStore(t, s)
				f, err := os.OpenFile(path, os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				for page := int64(3); page < 40; page++ {
					if _, err := f.WriteAt([]byte(strings.Repeat("\xff", 512)), page*4096); err != nil {
						t.Fatal(err)
					}
				}
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "a folder", reason: "not a file", text: "executions.db",
			make: func(t *testing.T, path string) {
				t.Helper()
				if err := os.Mkdir(path, 0o700); err != nil {
					t.Fatal(err)
				}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := file(t)
			tt.make(t, path)
			for range 2 { // the first failure holds nothing
				s, err := sqlite.Open(path)
				if err == nil {
					closeStore(t, s)
				}
				if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) ||
					strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: got %v", tt.reason, err)
				}
			}
		})
	}
	if _, err := sqlite.Open(filepath.Join(t.TempDir(), "no", "folder.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that does not exist: %v", err)
	}
	if _, err := sqlite.Open(file(t), sqlite.WithReadOnly()); err == nil {
		t.Error("a file that does not exist was opened for reading")
	}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	path := file(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	s := open(t, path, sqlite.WithRetention(0))
	for i := range 250 {
		commit(t, s, transition(fmt.Sprint("old-", i), 1, now.Add(-15*24*time.Hour)))
	}
	commit(t, s, transition("new", 1, now.Add(-13*24*time.Hour)), transition("running", 1, time.Time{}))
	closeStore(t, s)

	s = open(t, path)
	for n := range 3 { // a hundred at a time, at the next commits
		commit(t, s, transition("another", n+1, now))
	}
	all, err := s.List(local.Query{})
	if err != nil || len(all) != 3 {
		t.Errorf("%d executions are left, %v", len(all), err)
	}
	if _, err := s.Load("old-249"); !errors.Is(err, local.ErrNotFound) {
		t.Errorf("an old execution: %v", err)
	}
	if kept, err := s.Load("new"); err != nil || len(kept.Records) != 1 {
		t.Errorf("got %+v, %v", kept, err)
	}
}

// TestOneFailsAlone: transitions that share a transaction do not share their failure.
func TestOneFailsAlone(t *testing.T) {
	t.Parallel()
	s := open(t, file(t))
	commit(t, s, transition("one", 1, time.Time{}))
	errs := make(chan error, 20)
	for i := range cap(errs) {
		go func() {
			if i%2 == 0 {
				errs <- s.Commit(transition(fmt.Sprint("good-", i), 1, time.Time{}))
				return
			}
			bad := transition("one", 1, time.Time{}) // event 1 is there already
			bad.Execution.Invocations = 77
			if err := s.Commit(bad); err == nil {
				errs <- errors.New("an event was replaced")
				return
			}
			errs <- nil
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if kept, err := s.Load("one"); err != nil || kept.Execution.Invocations != 1 {
		t.Errorf("a failed transition has left something: %+v, %v", kept.Execution, err)
	}
	if all, err := s.List(local.Query{}); err != nil || len(all) != 11 {
		t.Errorf("%d executions, %v", len(all), err)
	}
}
