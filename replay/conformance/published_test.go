package conformance_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/replay/replayotel"

	"github.com/perdure/perdure/replay/conformance"
	"github.com/perdure/perdure/replay/conformance/handlers"
)

// publishedKey is the variable that has AWS's runner judge, which pip installs into a folder of its
// own. publishedUpdate has testdata/otel.tsv written again.
const (
	publishedKey    = "PERDURE_PUBLISHED"
	publishedUpdate = "PERDURE_UPDATE"
)

// verdicts are what the two judges say of a requirement.
type verdicts struct{ ours, published string }

const (
	met     = "met"
	notMet  = "not met"
	verdict = "testdata/otel.tsv"
)

// TestPublishedRunner has AWS's runner and this module judge the requirements on traces that the
// runner brings along, and compares what they say with testdata/otel.tsv.
func TestPublishedRunner(t *testing.T) { //nolint:paralleltest // processes in real time
	if os.Getenv(publishedKey) == "" {
		t.Skipf("%s is not set; AWS's runner needs Python 3.13, pip and a registry", publishedKey)
	}
	r := installRunner(t)
	all := r.requirements(t)
	got := make(map[string]verdicts)
	for id, status := range r.judge(t, replayotel.Invocations, "otel-invocation", "otel-long-running", "telemetry") {
		got[id] = verdicts{published: status}
	}
	for id, status := range r.judge(t, replayotel.Executions, "otel-execution") {
		got[id] = verdicts{published: status}
	}
	r.swapViews(t) // of otel-long-running it judges one view: now the other one
	for id, status := range r.judge(t, replayotel.Executions, "otel-long-running") {
		got[id+handlers.ExecutionsSuffix] = verdicts{published: status}
	}
	for _, q := range all {
		ids := []string{q.ID}
		if q.ExecutionTelemetry != nil {
			ids = append(ids, q.ID+handlers.ExecutionsSuffix) // which this module judges together
		}
		_, problems := judge(t, q, conformance.InProcess{})
		_, more := judge(t, q, processes(t))
		for _, id := range ids {
			v := got[id]
			v.ours = met
			if problems = append(problems, more...); len(problems) > 0 {
				v.ours = notMet
				t.Logf("%s: %s", id, strings.Join(problems, "\n"))
			}
			got[id] = v
		}
	}
	text := tableOf(got)
	t.Log("\n" + text)
	if os.Getenv(publishedUpdate) != "" {
		if err := os.WriteFile(verdict, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(readVerdicts(t), got, cmp.AllowUnexported(verdicts{})); diff != "" {
		t.Errorf("%s says something else (-file +judges); if that is right, run the test with %s=1:\n%s", verdict, publishedUpdate, diff)
	}
}

// TestOTelTable: the file has a row for each traced function, and both judges say the same of each.
func TestOTelTable(t *testing.T) {
	t.Parallel()
	got := readVerdicts(t)
	for id := range handlers.Table(handlers.World{}) {
		if _, ok := handlers.IsTraced(id); !ok && id != "telemetry-1" {
			continue
		}
		if v, ok := got[id]; !ok || v.ours != met || v.published != met {
			t.Errorf("%s: %s says %+v", id, verdict, v)
		}
		delete(got, id)
	}
	for id := range got {
		t.Errorf("%s has %s, and there is no function for it", verdict, id)
	}
}

func tableOf(all map[string]verdicts) string {
	var b strings.Builder
	b.WriteString("requirement\tthis module\tAWS's runner\n")
	for _, id := range slices.SortedFunc(maps.Keys(all), compareNumbered) {
		fmt.Fprintf(&b, "%s\t%s\t%s\n", id, all[id].ours, all[id].published)
	}
	return b.String()
}

// compareNumbered orders IDs by their numbers, where the rest is the same.
func compareNumbered(a, b string) int {
	number := regexp.MustCompile(`\d+`)
	if c := strings.Compare(number.ReplaceAllString(a, ""), number.ReplaceAllString(b, "")); c != 0 {
		return c
	}
	n, _ := strconv.Atoi(number.FindString(a))
	m, _ := strconv.Atoi(number.FindString(b))
	return n - m
}

func readVerdicts(t *testing.T) map[string]verdicts {
	t.Helper()
	text, err := os.ReadFile(verdict)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]verdicts)
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		fields := strings.Split(line, "\t")
		if len(fields) != 3 {
			t.Fatalf("%s:%d: %q has %d fields", verdict, i+1, line, len(fields))
		}
		if i > 0 {
			all[fields[0]] = verdicts{fields[1], fields[2]}
		}
	}
	return all
}

// published is AWS's runner, installed in a folder.
type published struct{ python, dir string }

// suites are the folders of requirements below dir.
func (p published) suites() map[string]string {
	root := filepath.Join(p.dir, "packages")
	all := map[string]string{"telemetry": filepath.Join(root, "aws_durable_execution_conformance_tests_telemetry", "test_requirements", "telemetry")}
	for _, s := range []string{"otel-invocation", "otel-execution", "otel-long-running"} {
		all[s] = filepath.Join(root, "aws_durable_execution_conformance_tests_otel", "test_requirements", s)
	}
	return all
}

// requirements reads the requirements of the runner's suites as this module reads them.
func (p published) requirements(t *testing.T) (all []*conformance.Requirement) {
	t.Helper()
	var roots []fs.FS
	for _, dir := range p.suites() {
		if root := os.DirFS(filepath.Dir(dir)); !slices.Contains(roots, root) {
			roots = append(roots, root)
		}
	}
	all, err := conformance.ReadAll(roots...)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range all {
		if q.Err != nil {
			t.Fatal(q.ID, q.Err)
		}
	}
	return all
}

// installRunner installs the runner. It asks for Python 3.14, but all that it uses of that is one
// module of the standard library, which testdata/published replaces.
func installRunner(t *testing.T) published {
	t.Helper()
	p := published{dir: t.TempDir()}
	var err error
	if p.python, err = newestPython(t.Context()); err != nil {
		t.Skip(err)
	}
	from := filepath.Join("testdata", "published")
	if err := os.CopyFS(p.dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(p.dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	sam := filepath.Join(p.dir, "bin", "sam") // what it deploys with: the stack is there already
	if err := os.WriteFile(sam, []byte("#!/bin/sh\nexit 0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	pip := []string{"-m", "pip", "--quiet", "--disable-pip-version-check"}
	for _, args := range [][]string{
		{"install", "--no-compile", "--target", "packages", "-r", "requirements.txt"},
		{"download", "--python-version", "3.14", "--only-binary=:all:", "--no-deps", "-d", "wheels", "-r", "runner.txt"},
	} {
		if _, err := p.run(t, 5*time.Minute, nil, slices.Concat(pip, args)...); err != nil {
			t.Fatal(err)
		}
	}
	wheels, err := filepath.Glob(filepath.Join(p.dir, "wheels", "*.whl"))
	if err != nil || len(wheels) != 3 {
		t.Fatalf("%d wheels: %v", len(wheels), err)
	}
	for _, w := range wheels {
		if err := unpack(w, filepath.Join(p.dir, "packages")); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// unpack unpacks a wheel, which is a zip file.
func unpack(wheel, dir string) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer func() { _ = z.Close() }() // it was read
	return os.CopyFS(dir, z)
}

// newestPython returns a Python that the runner runs on.
func newestPython(ctx context.Context) (string, error) {
	candidates := []string{os.Getenv("PERDURE_PYTHON"), "python3.14", "python3.13", "python3"}
	if home, err := os.UserHomeDir(); err == nil {
		kept, _ := filepath.Glob(filepath.Join(home, ".pyenv", "versions", "3.1[3-9]*", "bin", "python3")) // the pattern is right
		candidates = append(candidates, kept...)
	}
	for _, c := range candidates {
		const ask = "import sys, pip; print(sys.executable, end='') if sys.version_info >= (3, 13) else sys.exit(1)"
		if c == "" {
			continue
		}
		if out, err := exec.CommandContext(ctx, c, "-c", ask).Output(); err == nil {
			return string(out), nil
		}
	}
	return "", fmt.Errorf("none of %s is Python 3.13 or later with pip: name one in PERDURE_PYTHON", strings.Join(candidates[1:], ", "))
}

// run runs Python in the runner's folder.
func (p published) run(t *testing.T, most time.Duration, env []string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.python, args...)
	cmd.Dir, cmd.WaitDelay = p.dir, time.Second
	cmd.Env = append(append(os.Environ(), "PATH="+filepath.Join(p.dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH")), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String(), nil
}

// judge has the runner judge suites, on a stack of its own, and returns what it says by the ID.
func (p published) judge(t *testing.T, view replayotel.View, suites ...string) map[string]string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	endpoint := "http://" + server.Listener.Addr().String()
	stack, err := conformance.NewStack(endpoint, self, t.TempDir(), view)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = stack
	server.Start()
	defer func() {
		server.Close()
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	}()
	other := view == replayotel.Executions && slices.Contains(suites, "otel-long-running")
	template := conformance.Template(func(id string) bool {
		return strings.HasSuffix(id, handlers.ExecutionsSuffix) == other && slices.ContainsFunc(suites, func(s string) bool { return strings.HasPrefix(id, s) })
	})
	if other {
		template = strings.ReplaceAll(template, handlers.ExecutionsSuffix+"']", "']") // the runner has one ID for both views
	}
	if err := os.WriteFile(filepath.Join(p.dir, "template.yaml"), []byte(template), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"PYTHONPATH=" + p.dir + string(os.PathListSeparator) + filepath.Join(p.dir, "packages"), "PYTHONDONTWRITEBYTECODE=1",
		"AWS_ENDPOINT_URL=" + endpoint, "AWS_ENDPOINT_URL_S3=" + endpoint + conformance.ObjectsPath,
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true",
	}
	args := slices.Concat([]string{"-c", "from aws_durable_execution_conformance_tests.app import run; run()", "--suite"}, suites, []string{
		"--template", "template.yaml", "--region", "us-east-1", "--language", "python", // it knows of no exporter for Go
		"--otel-exporter", "community", "--otel-backend", "collector", "--otel-backend-endpoint", conformance.SpansBucket,
		"--otel-service-name", handlers.ServiceName, "--otel-poll-timeout", "8", "--otel-poll-interval", "0.5",
		"--telemetry-log-group", "/aws/lambda/requirement-telemetry-1", "--telemetry-wait-seconds", "0",
		"--max-workers", "4", "--report", "json", "--report-file", "report",
	})
	_ = os.Remove(filepath.Join(p.dir, "report.json")) // of the run before
	if out, err := p.run(t, 5*time.Minute, env, args...); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return p.report(t)
}

// report reads what the runner has written.
func (p published) report(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, "report.json"))
	var report struct {
		Results []struct {
			ID, Status string
			Errors     []string
		}
	}
	if err = errors.Join(err, json.Unmarshal(text, &report)); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, r := range report.Results {
		all[r.ID] = notMet
		if r.Status == "PASSED" {
			all[r.ID] = met
			continue
		}
		t.Logf("AWS's runner says of %s: %s\n%s", r.ID, r.Status, strings.Join(r.Errors, "\n"))
	}
	return all
}

// swapViews has the runner judge the other view of otel-long-running.
func (p published) swapViews(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.suites()["otel-long-running"], "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	swap := strings.NewReplacer("\nTelemetryAssertions:", "\nInvocationTelemetryAssertions:", "\nExecutionTelemetryAssertions:", "\nTelemetryAssertions:")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(name, []byte(swap.Replace(string(text))), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
