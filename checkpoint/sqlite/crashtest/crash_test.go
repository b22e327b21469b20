//go:build linux

package crashtest_test

import (
	"bufio"
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
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/perdure/perdure/checkpoint/sqlite/crashtest/moment"
)

// killsVariable is the variable that says how often each program is killed at each kind of moment.
const killsVariable = "PERDURE_KILLS"

const (
	defaultKills = 2
	// atOnce is how many executions are under way at a time.
	atOnce = 8
	// patience is how long all of it may take; one restart of the service takes about 100 ms.
	patience = 2 * time.Minute
)

type receipt struct {
	ID        string   `json:"id"`
	Reserved  string   `json:"reserved"`
	Charged   string   `json:"charged"`
	Insured   string   `json:"insured"`
	Packed    []string `json:"packed"`
	Collected string   `json:"collected"`
	Closed    string   `json:"closed"`
}

type effect struct {
	Execution string `json:"execution"`
	Operation string `json:"operation"`
	Name      string `json:"name"`
	Attempt   int    `json:"attempt"`
	Nonce     string `json:"nonce"`
}

// TestKills kills the function and the service at every kind of moment, while executions run, and
// then checks each execution: it ends with the right receipt, a body that runs at most once ran at
// most once in each attempt, and every checkpoint that was confirmed is in the history.
func TestKills(t *testing.T) { //nolint:paralleltest // it takes all processors, and times processes
	if testing.Short() {
		t.Skip("kills processes for several seconds")
	}
	kills := defaultKills
	if text := os.Getenv(killsVariable); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil || kills < 1 {
			t.Fatalf("%s is how often each program is killed at each kind of moment, not %q", killsVariable, text)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	y := newYard(ctx, t, kills)
	begin := time.Now()
	y.run(ctx)
	y.check(ctx)
	t.Logf("%d executions, %d invocations, %d of them lost, %d calls late, in %.1f s\n%s", len(y.arns), y.invocations, y.lost,
		y.conductor.lateOnes, time.Since(begin).Seconds(), y.conductor.histogram())
	if y.conductor.lateOnes == 0 {
		t.Error("no call of a killed function arrived after the next invocation had begun")
	}
	if f, s := y.conductor.kills(moment.Function), y.conductor.kills(moment.Service); f < 5*kills || s < 5*kills {
		t.Errorf("the function was killed %d times and the service %d times, want %d at least", f, s, 5*kills)
	}
}

// yard is where the programs run.
type yard struct {
	t         *testing.T
	conductor *conductor
	dir       string
	env       []string
	client    *lambdaapi.Client

	restarts int
	serving  chan struct{} // closed when the service has served for the first time
	address  string

	arns              []string // of all executions, by number
	endless           []string // of those that have not ended in time
	invocations, lost int
}

// newYard builds the programs.
func newYard(ctx context.Context, t *testing.T, kills int) *yard {
	t.Helper()
	y := &yard{t: t, dir: t.TempDir(), serving: make(chan struct{}), address: "127.0.0.1:0"}
	for _, program := range []string{"order", "service"} {
		build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(y.dir, program), "./"+program)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", program, err, out)
		}
	}
	function, err := filepath.EvalSymlinks(filepath.Join(y.dir, "order"))
	if err != nil {
		t.Fatal(err)
	}
	y.conductor = newConductor(t, function, kills, 20260301)
	server := httptest.NewServer(y.conductor)
	t.Cleanup(server.Close)
	y.env = append(os.Environ(), moment.Variable+"="+server.URL, "CRASHTEST_EFFECTS="+filepath.Join(y.dir, "effects"))
	return y
}

// run keeps executions under way until all kills are made, and waits for them to end.
func (y *yard) run(ctx context.Context) {
	y.t.Helper()
	ctx, stop := context.WithCancelCause(ctx)
	var all sync.WaitGroup
	all.Go(func() { y.serve(ctx, stop) })
	defer all.Wait()
	defer stop(errors.New("all is done"))
	select {
	case <-y.serving:
	case <-ctx.Done():
		y.t.Fatal(context.Cause(ctx))
	}
	all.Go(func() { y.answer(ctx) })
	all.Go(func() { y.disturb(ctx) })

	var customers sync.WaitGroup
	for range atOnce {
		customers.Go(func() {
			for first := true; ctx.Err() == nil; first = false {
				if done, _ := y.conductor.done(); done && !first {
					return
				}
				if err := y.order(ctx); err != nil {
					stop(err)
				}
			}
		})
	}
	customers.Wait()
	if ctx.Err() != nil {
		y.t.Fatalf("%v; these executions have not ended: %q\n%s", context.Cause(ctx), y.endless, y.conductor.histogram())
	}
}

// serve runs the service, again whenever it was killed.
func (y *yard) serve(ctx context.Context, stop context.CancelCauseFunc) {
	runtime.LockOSThread() // its end is what the service is not to outlive
	defer runtime.UnlockOSThread()
	for ctx.Err() == nil {
		var errs bytes.Buffer
		cmd := exec.CommandContext(ctx, filepath.Join(y.dir, "service"), filepath.Join(y.dir, "store.db"), y.address, y.conductor.function)
		cmd.Env, cmd.Stderr, cmd.WaitDelay = y.env, &errs, 10*time.Second
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it does not outlive the test
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			stop(err)
			return
		}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if endpoint, ok := strings.CutPrefix(lines.Text(), "serving "); ok {
				y.served(endpoint)
			}
		}
		_ = cmd.Wait() // how it has ended is looked at
		killed := y.conductor.ended()
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if ctx.Err() == nil && (!killed || !ok || status.Signal() != syscall.SIGKILL) {
			stop(fmt.Errorf("the service has ended by itself: %v\n%s", cmd.ProcessState, errs.String()))
		}
		y.restarts++
	}
}

// served makes the client, when the address is known, which is then kept.
func (y *yard) served(endpoint string) {
	if y.client != nil {
		return
	}
	y.address = strings.TrimPrefix(endpoint, "http://")
	y.client = lambdaapi.New(lambdaapi.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint), RetryMaxAttempts: 1, // the test tries again itself
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}, nil
		}),
	})
	close(y.serving)
}

// disturb has programs start when nothing else is left to be hit.
func (y *yard) disturb(ctx context.Context) {
	tick := time.NewTicker(150 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if done, onlyStarts := y.conductor.done(); onlyStarts && !done {
			y.conductor.restart()
		}
	}
}

// answer completes callbacks.
func (y *yard) answer(ctx context.Context) {
	for {
		select {
		case id := <-y.conductor.submits:
			err := y.insist(ctx, func() error {
				_, err := y.client.SendDurableExecutionCallbackSuccess(ctx, &lambdaapi.SendDurableExecutionCallbackSuccessInput{
					CallbackId: &id, Result: []byte("customer " + id),
				})
				if _, answered := errors.AsType[*lambdatypes.InvalidParameterValueException](err); answered {
					return nil // it was submitted twice, or the reply was lost
				}
				return err
			})
			if err != nil && ctx.Err() == nil {
				y.t.Error(err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// insist makes a call until the service answers.
func (y *yard) insist(ctx context.Context, call func() error) error {
	for {
		err := call()
		if answer, ok := errors.AsType[interface {
			error
			HTTPStatusCode() int
		}](err); err == nil || ok && answer.HTTPStatusCode() >= 400 && answer.HTTPStatusCode() < 500 {
			return err
		}
		if ctx.Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// order starts an execution and waits for its end.
func (y *yard) order(ctx context.Context) error {
	y.conductor.mu.Lock()
	number := len(y.arns)
	y.arns = append(y.arns, "")
	y.conductor.mu.Unlock()
	name := fmt.Sprintf("order-%d", number)
	payload := fmt.Sprintf(`{"id":%q,"items":["hat","tie","shoes"]}`, name)
	var arn string
	err := y.insist(ctx, func() error {
		out, err := y.client.Invoke(ctx, &lambdaapi.InvokeInput{
			FunctionName: aws.String("order"), InvocationType: lambdatypes.InvocationTypeEvent,
			DurableExecutionName: &name, Payload: []byte(payload),
		})
		if err == nil {
			arn = aws.ToString(out.DurableExecutionArn)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	y.conductor.mu.Lock()
	y.arns[number] = arn
	y.conductor.mu.Unlock()
	for ctx.Err() == nil {
		e, err := y.execution(ctx, arn)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if e.Status != lambdatypes.ExecutionStatusRunning {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	y.conductor.mu.Lock()
	defer y.conductor.mu.Unlock()
	y.endless = append(y.endless, arn)
	return fmt.Errorf("%s does not end: %w", name, context.Cause(ctx))
}

func (y *yard) execution(ctx context.Context, arn string) (out *lambdaapi.GetDurableExecutionOutput, err error) {
	err = y.insist(ctx, func() error {
		out, err = y.client.GetDurableExecution(ctx, &lambdaapi.GetDurableExecutionInput{DurableExecutionArn: &arn})
		return err
	})
	return out, err
}

// effects reads what bodies have done, and checks that those that run at most once did.
func (y *yard) effects() map[string]map[string]string {
	y.t.Helper()
	text, err := os.ReadFile(filepath.Join(y.dir, "effects"))
	if err != nil {
		y.t.Fatal(err)
	}
	nonces := make(map[string]map[string]string) // by name of the operation and nonce: the execution
	ran := make(map[effect]int)
	again := 0
	for line := range bytes.Lines(text) {
		var e effect
		if err := json.Unmarshal(line, &e); err != nil {
			y.t.Fatalf("effects: %v in %q", err, line)
		}
		if nonces[e.Name] == nil {
			nonces[e.Name] = make(map[string]string)
		}
		nonces[e.Name][e.Nonce] = e.Execution
		e.Nonce = ""
		if ran[e]++; ran[e] > 1 {
			again++
		}
	}
	for e, n := range ran {
		if n > 1 && (e.Name == "charge" || e.Name == "insure") {
			y.t.Errorf("%s of %s ran %d times in attempt %d", e.Name, e.Execution, n, e.Attempt)
		}
	}
	y.t.Logf("%d effects; %d times a body that may run again did", bytes.Count(text, []byte("\n")), again)
	return nonces
}
