package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// asProgram is the variable that makes this test binary the program.
const asProgram = "PERDURE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	startShop()
	if os.Getenv(asProgram) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv})
	stop()
	os.Exit(code)
}

// greeter waits for an answer, and says which code it is.
const greeter = `package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func greet(ctx op.Context, name string) (string, error) {
	first, err := replay.Run(ctx, op.Step("first", func(context.Context) (string, error) {
		fmt.Println("greeting", name)
		return "VERSION", nil
	}))
	if err != nil {
		return "", err
	}
	who, err := replay.Run(ctx, op.WaitForCallback[string]("who", func(context.Context, string) error { return nil }))
	if err != nil {
		return "", err
	}
	if err := replay.Exec(ctx, op.Wait("nap", time.Second)); err != nil {
		return "", err
	}
	return first + ", then VERSION, " + who, nil
}

func main() { lambda.Start(replay.Handler(greet)) }
`

// program is a running perdure dev.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string
	said  *transcript
}

// transcript keeps what was printed.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *transcript) add(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.WriteString(line + "\n")
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// workshop is a folder with a function.
type workshop struct {
	t   *testing.T
	dir string
	env []string
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", "..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	w := &workshop{t: t, dir: t.TempDir(), env: append(os.Environ(), asProgram+"=1", "GOWORK=off", "GOFLAGS=-mod=mod")}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	w.write("go.mod", fmt.Sprintf("module example.com/greet\n\ngo 1.26.0\n\nrequire github.com/perdure/perdure v0.0.0\n\nreplace github.com/perdure/perdure => %s\n", root))
	w.write("go.sum", string(sums))
	w.write("greet/main.go", greeter)
	w.code("one")
	return w
}

func (w *workshop) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// code writes a version of the function.
func (w *workshop) code(version string) {
	w.t.Helper()
	w.write("greet/main.go", strings.ReplaceAll(greeter, "VERSION", version))
}

func (w *workshop) command(args ...string) *exec.Cmd {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.CommandContext(w.t.Context(), self, args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = w.dir, w.env, 10*time.Second
	return cmd
}

// dev starts perdure dev and waits until it serves.
func (w *workshop) dev(args ...string) (p *program, endpoint string) {
	w.t.Helper()
	cmd := w.command(append([]string{"dev", "./greet", "--listen", "127.0.0.1:0"}, args...)...)
	p = &program{t: w.t, cmd: cmd, lines: make(chan string, 10_000), said: &transcript{}}
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	errs, err := cmd.StderrPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	for _, r := range []io.Reader{out, errs} {
		go p.read(r)
	}
	w.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		if w.t.Failed() {
			w.t.Logf("perdure dev:\n%s", p.said)
		}
	})
	_, endpoint, _ = strings.Cut(p.await(`serving .* at http`), " at ")
	return p, endpoint
}

func (p *program) read(r io.Reader) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		p.said.add(lines.Text())
		p.lines <- lines.Text()
	}
}

// await returns the next line that matches a pattern.
func (p *program) await(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	limit := time.After(2 * time.Minute) // it may compile Lambda's client
	for {
		select {
		case line := <-p.lines:
			if re.MatchString(line) {
				return line
			}
		case <-limit:
			p.t.Fatalf("perdure dev does not say %q; it says:\n%s", pattern, p.said)
		}
	}
}

func (p *program) end(s os.Signal) int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
	_ = p.cmd.Wait() // its exit code is looked at
	return p.cmd.ProcessState.ExitCode()
}

// run runs a command to its end.
func (w *workshop) run(endpoint string, args ...string) outcome {
	w.t.Helper()
	cmd := w.command(args...)
	cmd.Env = append(cmd.Env, "PERDURE_ENDPOINT="+endpoint)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // its exit code is looked at
	return outcome{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// waiting waits until an execution waits for its callback, and returns that.
func (w *workshop) waiting(endpoint, name string) (callback string) {
	w.t.Helper()
	re := regexp.MustCompile(`perdure callback succeed (\S+)`)
	for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(50 * time.Millisecond) {
		if m := re.FindStringSubmatch(w.run(endpoint, "show", name, "-f", "greet").out); m != nil {
			return m[1]
		}
	}
	w.t.Fatalf("execution %s does not wait for its callback: %+v", name, w.run(endpoint, "show", name, "-f", "greet"))
	return ""
}

// page looks at the page: an execution has ended under another build than it began under, and what
// its function has written is there.
func (w *workshop) page(endpoint, name string) {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	get := func(path string) string {
		res, err := client.Get(endpoint + path) //nolint:noctx // it has a timeout
		if err != nil {
			w.t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			w.t.Fatalf("%s: %s %s %v", path, res.Status, text, err)
		}
		return string(text)
	}
	get("/")
	arn := regexp.MustCompile(`"arn":"([^"]*/` + name + `/[^"]*)"`).FindStringSubmatch(get("/ui/executions"))
	if arn == nil {
		w.t.Fatalf("the page does not list %s", name)
	}
	shown := get("/ui/execution?arn=" + url.QueryEscape(arn[1]))
	builds := make(map[string]bool)
	for _, m := range regexp.MustCompile(`"build":"([0-9a-f]{12})`).FindAllStringSubmatch(shown, -1) {
		builds[m[1]] = true
	}
	if len(builds) < 2 || !strings.Contains(shown, `"status":"SUCCEEDED"`) {
		w.t.Errorf("the page shows %v builds: %s", builds, shown)
	}
	w.run(endpoint, "start", "greet", `"page"`, "--name", "P-1")
	w.waiting(endpoint, "P-1")
	other := strings.ReplaceAll(regexp.MustCompile(`"arn":"([^"]*/P-1/[^"]*)"`).FindString(get("/ui/executions")), `"`, "")
	if logs := get("/ui/logs?arn=" + url.QueryEscape(strings.TrimPrefix(other, "arn:"))); !strings.Contains(logs, "greeting page") ||
		strings.Contains(logs, "greeting world") {
		w.t.Errorf("the logs of P-1: %s", logs)
	}
}

// A function is edited, broken and mended while an execution is under way, and the program is
// killed in between: nothing is lost, and it says what goes on.
func TestDev(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a function several times")
	}
	w := newWorkshop(t)
	p, endpoint := w.dev()
	if got := w.run(endpoint, "start", "greet", `"world"`, "--name", "A-1"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	p.await(`^perdure: greet A-1: started with "world"$`)
	p.await(`^greet \| greeting world$`)
	p.await(`^perdure: greet A-1: suspended, waiting for callback "who-callback" \(no time-out: it waits until it is answered\); ` +
		`complete it with: perdure callback succeed \S+ '<JSON of its type>' \(the code has the type; for a string: --text '<text>'\)$`)
	w.waiting(endpoint, "A-1")

	w.code("two")
	p.await(`built greet in`)
	p.await(`^perdure: 1 execution of greet began under other code and goes on under this: A-1$`)
	p.await(`^perdure:   A-1 fits: waiting for callback "who-callback"`)

	if got := w.run(endpoint, "start", "greet", `"moon"`, "--name", "A-2"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	w.waiting(endpoint, "A-2")
	w.code("one") // A-1 began under this
	p.await(`^perdure: 1 execution of greet began under other code and goes on under this: A-2$`)
	if got := w.run(endpoint, "stop", "A-2", "-f", "greet"); got.code != 0 {
		t.Fatalf("%+v", got)
	}

	w.code("\" + oops + \"")
	p.await(`^perdure: build greet: exit status 1$`)
	p.await(`main.go:\d+:\d+: undefined: oops$`)
	p.await(`^greet goes on under the code before$`)
	if got := w.run(endpoint, "list", "greet", "--status", "running"); got.code != 0 || !strings.Contains(got.out, "A-1") {
		t.Errorf("a broken build disturbs the service: %+v", got)
	}

	w.code("one")
	p.await(`^perdure: built greet in \S+: it is the code that runs$`)

	second := w.command("dev", "./greet", "--listen", "127.0.0.1:0")
	text, _ := second.CombinedOutput()
	if second.ProcessState.ExitCode() != cli.ExitUnavailable || !strings.Contains(string(text), "another process uses the store") {
		t.Errorf("a second program on the store: %d\n%s", second.ProcessState.ExitCode(), text)
	}

	p.end(syscall.SIGKILL)
	w.code("three")
	p, endpoint = w.dev()
	p.await(`1 execution was left unfinished by the last run: A-1$`)
	id := w.waiting(endpoint, "A-1")
	if got := w.run(endpoint, "callback", "succeed", id, "--text", "it is me"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	got := w.run(endpoint, "start", "greet", `"world"`, "--name", "A-1", "--wait")
	if got.code != 0 || got.out != `"one, then three, it is me"`+"\n" {
		t.Errorf("got %+v", got)
	}
	p.await(`^perdure: greet A-1: suspended until .*Z, waiting for wait "nap", which ends in \S+$`)
	p.await(`^perdure: greet A-1: SUCCEEDED after .*: "one, then three, it is me"$`)

	w.page(endpoint, "A-1")

	if code := p.end(os.Interrupt); code != cli.ExitInterrupted {
		t.Errorf("after Ctrl-C the exit code is %d, want %d", code, cli.ExitInterrupted)
	}
	left, err := filepath.Glob(filepath.Join(w.dir, ".perdure", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range left {
		if strings.HasSuffix(name, "-bin") || strings.HasSuffix(name, "-wal") {
			t.Errorf("%s is left behind", filepath.Base(name))
		}
	}
	if text, err := os.ReadFile(filepath.Join(w.dir, ".perdure", ".gitignore")); string(text) != "*\n" {
		t.Errorf("Git would keep the store: %q, %v", text, err)
	}
}

// A function that does not compile at the start is hosted as soon as it does.
func TestDevBeginsWithBrokenCode(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a function")
	}
	w := newWorkshop(t)
	w.code("\" + oops + \"")
	p, endpoint := w.dev("--memory", "--quiet")
	if text := p.said.String(); !strings.Contains(text, "greet is not built yet: save its code when it is mended") {
		t.Errorf("it says\n%s", text)
	}
	if got := w.run(endpoint, "start", "greet", `"world"`); got.code != cli.ExitNotFound {
		t.Errorf("a function that is not built: %+v", got)
	}
	w.code("one")
	p.await(`built greet in`)
	if got := w.run(endpoint, "start", "greet", `"world"`, "--name", "A-1"); got.code != 0 {
		t.Errorf("%+v", got)
	}
	w.waiting(endpoint, "A-1")
	if _, err := os.Stat(filepath.Join(w.dir, ".perdure")); err == nil {
		t.Error("with --memory it writes a store")
	}
	if code := p.end(os.Interrupt); code != cli.ExitInterrupted {
		t.Errorf("after Ctrl-C the exit code is %d, want %d", code, cli.ExitInterrupted)
	}
	if text := p.said.String(); !strings.Contains(text, "stopping; nothing is kept with --memory: 1 execution that runs is lost") ||
		strings.Contains(text, "A-1: ") {
		t.Errorf("with --memory --quiet it says\n%s", text)
	}

	once := w.command("dev", ".", "--memory", "--watch=false", "--listen", "127.0.0.1:0")
	text, _ := once.CombinedOutput()
	if once.ProcessState.ExitCode() != cli.ExitCode || !strings.Contains(string(text), "no Go files in") {
		t.Errorf("a folder without a program, not watched: %d\n%s", once.ProcessState.ExitCode(), text)
	}
}
