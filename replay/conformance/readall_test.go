package conformance_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/perdure/perdure/replay/conformance"
)

// folder is a directory of files.
func folder(files map[string]string) fs.FS {
	dir := fstest.MapFS{}
	for name, text := range files {
		dir[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return dir
}

// TestReadAll: the requirements of all directories are read, and a file that cannot be is one that
// fails, beside the others.
func TestReadAll(t *testing.T) {
	t.Parallel()
	const good = "description: good"
	older := folder(map[string]string{"step/2-1.yaml": good, "step/10-1.yaml": good, "README.md": "no requirement"})
	tests := []struct {
		reason string
		dirs   []fs.FS
		want   []string // the suites and IDs, and what of the error says why one cannot be read
		fails  string
	}{
		{"one directory, by numbers", []fs.FS{older}, []string{"step/2-1", "step/10-1"}, ""},
		{
			"two directories, with suites in a folder of suites",
			[]fs.FS{older, folder(map[string]string{"general/11-1.yaml": good, "otel/map/3-1.yaml": good})},
			[]string{"step/2-1", "map/3-1", "step/10-1", "general/11-1"},
			"",
		},
		{
			"a member that is not known fails its file",
			[]fs.FS{older, folder(map[string]string{"general/11-1.yaml": "ExpectedWeather: fine", "general/11-2.yaml": good})},
			[]string{"step/2-1", "step/10-1", "general/11-1: general/11-1.yaml: conformance: read a requirement: yaml: .*ExpectedWeather", "general/11-2"},
			"",
		},
		{
			"so does a member that an event does not have a place for",
			[]fs.FS{folder(map[string]string{"step/1-1.yaml": "ExpectedExecutionHistory: [{EventType: StepStarted}]", "step/1-2.yaml": good})},
			[]string{"step/1-1: event 0 of the expected history has no EventId", "step/1-2"},
			"",
		},
		{
			"so does what is not YAML",
			[]fs.FS{folder(map[string]string{"step/1-1.yaml": "a: [", "step/1-2.yaml": "", "step/1-3.yaml": good})},
			[]string{"step/1-1: step/1-1.yaml: ", "step/1-2: step/1-2.yaml: ", "step/1-3"},
			"",
		},
		{"a directory that holds none is a mistake", []fs.FS{older, folder(nil)}, nil, "directory 2 holds no requirements"},
		{"no directory is one, too", nil, nil, "there is no directory of requirements"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			all, err := conformance.ReadAll(tt.dirs...)
			if tt.fails != "" || err != nil {
				if err == nil || tt.fails == "" || !strings.Contains(err.Error(), tt.fails) {
					t.Fatalf("the error is %v, want one that says %q", err, tt.fails)
				}
				return
			}
			var got []string
			for _, q := range all {
				line := q.Suite + "/" + q.ID
				if q.Err != nil {
					line += fmt.Sprintf(": %v", q.Err)
				}
				got = append(got, line)
			}
			if !slices.EqualFunc(got, tt.want, says) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// says reports whether a line is what is wanted: the same, or one with an error that says so.
func says(line, want string) bool {
	file, why, failed := strings.Cut(line, ": ")
	wanted, says, fails := strings.Cut(want, ": ")
	if file != wanted || failed != fails {
		return false
	}
	for part := range strings.SplitSeq(says, ".*") {
		if !strings.Contains(why, part) {
			return false
		}
	}
	return true
}
