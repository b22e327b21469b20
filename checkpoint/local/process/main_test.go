//go:build unix

package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// programKey is the variable that makes the test binary one of the programs below.
const programKey = "PERDURE_TEST_PROGRAM"

// TestMain runs the tests, or the program that a test has started.
func TestMain(m *testing.M) {
	if program, ok := programs[os.Getenv(programKey)]; ok {
		program()
		os.Exit(0)
	}
	before := runtime.NumGoroutine()
	code := m.Run()
	for _, dir := range []string{javaScriptDir, pythonDir} {
		if dir != "" {
			_ = os.RemoveAll(dir) // it is in the folder for temporary files
		}
	}
	http.DefaultClient.CloseIdleConnections()
	for tries := 0; code == 0 && runtime.NumGoroutine() > before; tries++ {
		if tries == 200 { // two seconds
			fmt.Println("goroutines are left over after the tests:")
			_ = pprof.Lookup("goroutine").WriteTo(os.Stdout, 1)
			code = 1
		}
		time.Sleep(10 * time.Millisecond)
	}
	os.Exit(code)
}

// order is what the functions are called with.
type order struct {
	Do string
	N  int
}

var programs = map[string]func(){
	"function":      func() { lambda.Start(handle) },
	"durable":       func() { lambda.Start(replay.Handler(durable)) },
	"raw":           raw,
	"buyer":         runPurchaser,
	"patient buyer": runPatientPurchaser,
	"poller":        runPoller,
	"defaults":      runDefaults,
	"deaf":          func() { select {} },
	"done":          func() {},
	"visited":       visited,
	"dead": func() {
		fmt.Fprintln(os.Stderr, "no database")
		os.Exit(3)
	},
	"init": func() {
		api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
		post(api, `{"errorType":"Config","errorMessage":"no table"}`)
		os.Exit(1)
	},
}

// handle does what the event says.
func handle(ctx context.Context, in order) (any, error) {
	switch in.Do {
	case "echo":
		return in.N, nil
	case "pid":
		return os.Getpid(), nil
	case "big":
		return strings.Repeat("x", in.N), nil
	case "error":
		return nil, errors.New("refused")
	case "panic":
		panic("broken")
	case "exit":
		os.Exit(in.N)
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // it ends here
		select {}
	case "sleep":
		time.Sleep(time.Duration(in.N) * time.Millisecond)
	case "hang":
		<-make(chan struct{})
	case "children":
		child := exec.Command("sleep", "60") //nolint:noctx // it is to be left behind
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			return nil, err
		}
		fmt.Println("child", child.Process.Pid)
		os.Exit(in.N)
	case "write":
		fmt.Println("one")
		fmt.Fprintln(os.Stderr, "two")
		fmt.Print("three\n\n", strings.Repeat("y", in.N), "\nfour")
	case "die writing":
		fmt.Print("last words")
		os.Exit(1)
	case "who":
		lc, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		return map[string]any{
			"request": lc.AwsRequestID, "arn": lc.InvokedFunctionArn, "tenant": lc.TenantID,
			"trace": os.Getenv("_X_AMZN_TRACE_ID"), "header": checkpoint.TraceHeaderFrom(ctx),
			"name": lambdacontext.FunctionName, "version": lambdacontext.FunctionVersion,
			"soon":  time.Until(deadline) < 20*time.Minute && time.Until(deadline) > time.Second,
			"extra": os.Getenv("EXTRA"), "secret": os.Getenv("PERDURE_TEST_SECRET"), "endpoint": os.Getenv("AWS_ENDPOINT_URL_LAMBDA"),
		}, nil
	}
	return nil, nil //nolint:nilnil // nothing was asked for
}

// durable runs two steps around a wait; it crashes in the second the first time.
func durable(ctx op.Context, in order) (string, error) {
	first, err := replay.Run(ctx, op.Step("first", func(context.Context) (int, error) { return os.Getpid(), nil }))
	if err != nil {
		return "", err
	}
	if err := replay.Exec(ctx, op.Wait("pause", time.Second)); err != nil {
		return "", err
	}
	_, err = replay.Run(ctx, op.Step("second", func(context.Context) (int, error) {
		marker := os.Getenv("EXTRA")
		if _, err := os.Stat(marker); err != nil {
			if err := os.WriteFile(marker, nil, 0o600); err != nil {
				return 0, err
			}
			os.Exit(7)
		}
		return 0, nil
	}))
	return fmt.Sprintf("%s after %t", in.Do, first > 0), err
}

// raw speaks the Runtime API by hand: while it works it asks for another event and says that it
// cannot begin; it answers with a wrong ID, then rightly, then once more, and tries what is absent.
// It returns the statuses of that with the next event.
func raw() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	var seen []int
	for {
		res, err := http.Get(api + "next") //nolint:noctx // it waits for as long as the process lives
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		id := res.Header.Get("Lambda-Runtime-Aws-Request-Id")
		text, _ := json.Marshal(seen)
		seen = []int{
			get(api + "next"), post(strings.TrimSuffix(api, "invocation/")+"init/error", "{}"),
			post(api+"other/response", "1"), post(api+id+"/response", string(text)), post(api+id+"/response", "2"),
			post(api+id+"/nothing", "3"), post(api+"next", ""), get(api + id + "/response"),
		}
	}
}

// visited answers with the address of its Runtime API, and with what that says to web pages which
// try to take an event.
func visited() {
	address := os.Getenv("AWS_LAMBDA_RUNTIME_API")
	lambda.Start(func(ctx context.Context) (map[string]any, error) {
		var seen []int
		for _, header := range []string{"Origin", "Sec-Fetch-Site"} {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/2018-06-01/runtime/nothing", nil)
			if err != nil {
				return nil, err
			}
			req.Header.Set(header, "cross-site")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				return nil, err
			}
			_ = res.Body.Close()
			seen = append(seen, res.StatusCode)
		}
		return map[string]any{"Address": address, "Pages": seen, "Elsewhere": reachedElsewhere(ctx, address)}, nil
	})
}

// reachedElsewhere returns the addresses of this machine, but that one, at which the port of an
// address answers. On Linux all of 127.0.0.0/8 is this machine: who listens on 127.0.0.1 is not
// reached at 127.0.0.2.
func reachedElsewhere(ctx context.Context, address string) (found []string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return []string{err.Error()}
	}
	others := []string{"127.0.0.2"}
	if all, err := net.InterfaceAddrs(); err == nil {
		for _, a := range all {
			if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLinkLocalUnicast() && ip.IP.String() != host {
				others = append(others, ip.IP.String())
			}
		}
	}
	for _, other := range others {
		dialer := net.Dialer{Timeout: time.Second}
		if c, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(other, port)); err == nil {
			found = append(found, other)
			_ = c.Close()
		}
	}
	return found
}

func get(url string) int {
	res, err := http.Get(url) //nolint:noctx // as above
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func post(url, body string) int {
	res, err := http.Post(url, "application/json", strings.NewReader(body)) //nolint:noctx // as above
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}
