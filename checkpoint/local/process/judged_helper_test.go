//go:build unix

package process_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/checkpoint/local/process"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// pythonKey is the variable that has the functions of testdata/python run.
const pythonKey = "PERDURE_PY"

// language has small functions written with the official SDK of a language, and a program in which
// AWS's testing library of that language runs them as it runs deployed functions, and says what it
// has read.
type language struct {
	program, dir string
	env          []string
	// function are the arguments that make the program the runtime of a function of the small ones,
	// judge those that make it the judge.
	function, judge []string
}

// pythonDir is where the functions are, once they are installed; TestMain removes it.
var pythonDir string

// preparePython copies testdata/python to a folder of its own and has pip install there what
// requirements.txt names, once for all tests.
var preparePython = sync.OnceValues(func() (language, error) {
	none := language{}
	python, err := exec.LookPath("python3")
	if err != nil {
		return none, fmt.Errorf("%s is set, but there is no python3: %w", pythonKey, err)
	}
	if pythonDir, err = os.MkdirTemp("", "perdure-python"); err != nil {
		return none, err
	}
	if err := os.CopyFS(pythonDir, os.DirFS(filepath.Join("testdata", "python"))); err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute) // it outlives the test that comes first
	defer cancel()
	var program []byte // python3 may be a script that looks for it
	for _, args := range [][]string{
		{"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile", "--target", "packages", "-r", "requirements.txt"},
		{"-c", "import sys; print(sys.executable, end='')"},
	} {
		cmd := exec.CommandContext(ctx, python, args...)
		cmd.Dir, cmd.WaitDelay = pythonDir, time.Second
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if program, err = cmd.Output(); err != nil {
			return none, fmt.Errorf("python3 %s: %w\n%s", strings.Join(args, " "), err, errs.String())
		}
	}
	return language{
		program: string(program), dir: pythonDir, env: []string{"PYTHONPATH=" + filepath.Join(pythonDir, "packages")},
		function: []string{"runtime.py", "small", "small"}, judge: []string{"judge.py"},
	}, nil
})

// installPython returns the small functions of Python, or skips the test.
func installPython(t *testing.T) language {
	t.Helper()
	if os.Getenv(pythonKey) == "" {
		t.Skipf("%s is not set; functions of the Python SDK need python3, pip and a registry", pythonKey)
	}
	l, err := preparePython()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// smallJavaScript returns the small functions of JavaScript, or skips the test.
func smallJavaScript(t *testing.T) language {
	t.Helper()
	js := installJavaScript(t)
	node, err := nodeFor(t.Context(), js, 22) // the testing library runs on 22 and later
	if err != nil {
		t.Fatal(err)
	}
	return language{
		program: node, dir: js.dir, function: []string{"runtime.mjs", "./small.mjs", "small"}, judge: []string{"judge.mjs"},
	}
}

// nodeFor returns a node of a version or a later one: the machine's, or that which npm has brought.
func nodeFor(ctx context.Context, js javaScript, oldest int) (string, error) {
	out, err := exec.CommandContext(ctx, js.node, "--version").Output()
	major, _, _ := strings.Cut(strings.TrimPrefix(string(out), "v"), ".")
	if n, _ := strconv.Atoi(major); err == nil && n >= oldest {
		return js.node, nil
	}
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	brought := filepath.Join(js.dir, "node_modules", "node-"+runtime.GOOS+"-"+arch, "bin", "node")
	if _, err := os.Stat(brought); err != nil {
		return "", fmt.Errorf("node is %s, version %d or later is needed, and npm has brought none for this machine: %w",
			strings.TrimSpace(string(out)), oldest, err)
	}
	return brought, nil
}

// judgement is what a testing library has read of one execution.
type judgement struct {
	Name, Status, Error string
	Result              any
	Operations          []string
	Refused             string // why it could not
}

// everything is a function of perdure with most of what a history can show.
func everything(ctx op.Context, _ struct{ How string }) (string, error) {
	busy := op.Step("busy", func(ctx context.Context) (string, error) {
		if info, _ := op.InfoFrom(ctx); info.Attempt < 2 {
			return "", errors.New("busy")
		}
		return "at last", nil
	}, op.WithRetry(retry.Linear(retry.InitialDelay(time.Second))))
	if _, err := replay.Run(ctx, busy); err != nil {
		return "", err
	}
	_, err := replay.Run(ctx, op.Map("each", []int{1, 2}, func(n int) op.Op[int] {
		return op.Group("pair", func(ctx op.Context) (int, error) {
			return replay.Run(ctx, op.Step("double", func(context.Context) (int, error) { return 2 * n, nil }))
		})
	}))
	if err != nil {
		return "", err
	}
	if _, err := replay.Run(ctx, op.Invoke[map[string]int]("other", "echo", map[string]int{"n": 1})); err != nil {
		return "", err
	}
	_, err = replay.Run(ctx, op.Race("first", op.Step("quick", func(context.Context) (string, error) { return "q", nil }),
		op.Transform(op.Wait("year", 300*24*time.Hour), func(op.None) (string, error) { return "w", nil })))
	if err != nil {
		return "", err
	}
	return replay.Run(ctx, op.WaitForCallback[string]("answer", func(context.Context, string) error { return nil }))
}

// stageSmall is a service behind its front, with the small functions: "small", and "late", whose
// executions may take two seconds.
func (l language) stageSmall(t *testing.T, opts ...local.Option) (s *local.Service, endpoint string) {
	t.Helper()
	s = local.New(append([]local.Option{local.WithExecutionTimeout(time.Minute)}, opts...)...)
	server := httptest.NewServer(lambdaapi.Handler(s))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	f, err := process.New(l.program,
		process.WithArgs(l.function...), process.WithDir(l.dir), process.WithEndpoint(server.URL),
		process.WithEnv(append([]string{"LEDGER=" + filepath.Join(t.TempDir(), "ledger"), "NODE_NO_WARNINGS=1"}, l.env...)...),
		process.WithOutput(func(p process.Line) { t.Log(p.Text) }), process.WithInitTimeout(time.Minute),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	echo := local.HandlerFunc(func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })
	if err := errors.Join(s.Host("small", f), s.Host("late", f, local.WithExecutionTimeout(2*time.Second)),
		s.Host("stop", f), s.Host("echo", echo, local.WithPlainFunction()), s.Host("perdure", replay.Handler(everything))); err != nil {
		t.Fatal(err)
	}
	return s, server.URL
}

// judged runs the judge over cases and returns what it says of each, by name.
func (l language) judged(t *testing.T, endpoint string, cases []string) map[string]judgement {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
	defer cancel()
	args := append(append([]string{}, l.judge...), "small:live")
	cmd := exec.CommandContext(ctx, l.program, append(args, cases...)...)
	cmd.Dir, cmd.WaitDelay = l.dir, time.Second
	cmd.Env = append(append(os.Environ(), l.env...),
		"AWS_ENDPOINT_URL_LAMBDA="+endpoint, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local",
		"NODE_NO_WARNINGS=1",
	)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the judge: %v\n%s\n%s", err, out, errs.String())
	}
	all := make(map[string]judgement)
	for line := range strings.Lines(string(out)) {
		var j judgement
		if err := json.Unmarshal([]byte(line), &j); err != nil {
			t.Fatalf("the judge says %q: %v", line, err)
		}
		all[j.Name] = j
	}
	return all
}
