//go:build unix

package process_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/checkpoint/local/process"
)

// javaScriptKey is the variable that has the functions of testdata/javascript run.
const javaScriptKey = "PERDURE_JS"

// javaScript is a folder with functions that know nothing of perdure: they are written with the
// official SDK of another language and its Lambda client, and talk to the service as to AWS.
type javaScript struct {
	node, dir string
}

// javaScriptDir is where the functions are, once they are installed; TestMain removes it.
var javaScriptDir string

// prepareJavaScript copies testdata/javascript to a folder of its own and has npm install there
// what the lock file names, once for all tests.
var prepareJavaScript = sync.OnceValues(func() (javaScript, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return javaScript{}, fmt.Errorf("%s is set, but there is no node: %w", javaScriptKey, err)
	}
	if javaScriptDir, err = os.MkdirTemp("", "perdure-javascript"); err != nil {
		return javaScript{}, err
	}
	if err := os.CopyFS(javaScriptDir, os.DirFS(filepath.Join("testdata", "javascript"))); err != nil {
		return javaScript{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute) // it outlives the test that comes first
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts")
	cmd.Dir, cmd.WaitDelay = javaScriptDir, time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return javaScript{}, fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return javaScript{node: node, dir: javaScriptDir}, nil
})

// installJavaScript returns the functions, or skips the test.
func installJavaScript(t *testing.T) javaScript {
	t.Helper()
	if os.Getenv(javaScriptKey) == "" {
		t.Skipf("%s is not set; functions of the JavaScript SDK need node, npm and a registry", javaScriptKey)
	}
	js, err := prepareJavaScript()
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// stage is a service behind its front, with functions of JavaScript.
type stage struct {
	*local.Service

	js       javaScript
	endpoint string
	ledger   string
	output   func(process.Line)
}

func (js javaScript) stage(t *testing.T, opts ...local.Option) *stage {
	t.Helper()
	s := local.New(append([]local.Option{local.WithExecutionTimeout(time.Minute)}, opts...)...)
	server := httptest.NewServer(lambdaapi.Handler(s))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return &stage{
		Service: s, js: js, endpoint: server.URL, ledger: filepath.Join(t.TempDir(), "ledger"),
		output: func(l process.Line) { t.Log(l.Text) },
	}
}

// host makes an export of functions.mjs a function of the service.
func (s *stage) host(t *testing.T, name string) *process.Function {
	t.Helper()
	f, err := process.New(s.js.node,
		process.WithArgs("runtime.mjs", "./functions.mjs", name), process.WithDir(s.js.dir),
		process.WithEndpoint(s.endpoint), process.WithEnv("LEDGER="+s.ledger, "NODE_NO_WARNINGS=1"), process.WithOutput(s.output),
		process.WithInitTimeout(30*time.Second), // the machine may be busy
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Host(name, f); err != nil {
		t.Fatal(err)
	}
	return f
}

// run starts an execution and waits for its end.
func (s *stage) run(t *testing.T, function, input string) *local.Execution {
	t.Helper()
	e, err := s.Start(t.Context(), function, "", []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	finish(t, e)
	return e
}

// finish waits for the end of an execution, at most 45 seconds.
func finish(t *testing.T, e *local.Execution) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
	defer cancel()
	if err := e.Wait(ctx); err != nil {
		t.Fatalf("%v; its operations:\n%s", err, strings.Join(tree(e), "\n"))
	}
}

// effects counts the lines of the ledger.
func (s *stage) effects(t *testing.T) map[string]int {
	t.Helper()
	text, err := os.ReadFile(s.ledger)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]int)
	for line := range strings.Lines(string(text)) {
		all[strings.TrimSpace(line)]++
	}
	return all
}

// outcome is the result of an execution, decoded, or what it failed with.
func outcome(t *testing.T, e *local.Execution) any {
	t.Helper()
	if f := e.Failure(); f != nil {
		return f.Type + ": " + f.Message
	}
	return decoded(t, string(e.Result()))
}

func decoded(t *testing.T, text string) (out any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v: %.100s", err, text)
	}
	return out
}

// tree returns a line for each operation, sorted: where it is, what it is, and how it stands. A
// dash stands for an operation without a name.
func tree(e *local.Execution) []string {
	paths := make(map[string]string)
	var lines []string
	for _, o := range e.Operations() { // parents before their children
		if o.Kind == checkpoint.KindExecution {
			continue
		}
		path := o.Name
		if path == "" {
			path = "-"
		}
		if parent, ok := paths[o.ParentID]; ok {
			path = parent + "/" + path
		}
		paths[o.ID] = path
		line := fmt.Sprintf("%s %s %s", path, o.SubType, o.Status)
		if o.Attempt > 1 {
			line += fmt.Sprintf(", %d attempts", o.Attempt)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// tally counts the events of a history by their type.
func tally(e *local.Execution) map[string]int {
	all := make(map[string]int)
	for _, ev := range e.History() {
		all[string(ev.Type)]++
	}
	return all
}
