// Package golden compares what an example prints with the file that its page quotes.
package golden

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/replay/replaytest"
)

// Output compares what show prints with testdata/output.golden, which is written again if the
// variable is set that replaytest rewrites its files by.
func Output(tb testing.TB, show func(context.Context, io.Writer) error) {
	tb.Helper()
	var out bytes.Buffer
	if err := show(tb.Context(), &out); err != nil {
		tb.Fatalf("%v after\n%s", err, &out)
	}
	file := filepath.Join("testdata", "output.golden")
	if os.Getenv(replaytest.UpdateVariable) != "" {
		if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	want, err := os.ReadFile(file) //nolint:gosec // the name is written here
	if err != nil {
		tb.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		tb.Errorf("it prints something else: read the difference and set %s to take it over (-want +got):\n%s",
			replaytest.UpdateVariable, diff)
	}
}
