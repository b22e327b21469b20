// Package histories keeps histories of the examples: what changed code is compared with.
package histories

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/perdure/perdure/replay/replaytest"
)

// dir is where they are, as seen from the folder of an example.
const dir = "testdata/histories"

// Keep writes how the execution of a test went, under the name of the test's row, if
// PERDURE_RECORD_HISTORIES is set and there is no such file yet. What is there stands for
// executions that live, and is not written again: new code must fit it.
func Keep[Out any](tb testing.TB, name string, r *replaytest.Result[Out]) {
	tb.Helper()
	file := filepath.Join(dir, name+".json")
	if _, err := os.Stat(file); err == nil || !errors.Is(err, fs.ErrNotExist) || os.Getenv("PERDURE_RECORD_HISTORIES") == "" {
		return
	}
	text, err := json.MarshalIndent(replaytest.History{Name: name, ARN: r.ARN, Events: r.History}, "", " ")
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// Check fails the test if f does not fit one of the histories in each state that it went through.
func Check(tb testing.TB, f replaytest.Rehearser) {
	tb.Helper()
	kept, err := replaytest.ReadHistories(os.DirFS(dir), "*.json")
	if err != nil {
		tb.Fatal(err)
	}
	replaytest.Compatible(tb, f, kept)
}
