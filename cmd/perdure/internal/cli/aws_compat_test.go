package cli_test

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/perdure/perdure/checkpoint/local/lambdaapi"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// purchaseProgram has the operations of order up to where its executions wait, or another one in
// front.
const purchaseProgram = `package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

type purchase struct {
	ID    string
	Items []string
}

func order(ctx op.Context, p purchase) (string, error) {
	if os.Getenv("ORDER_CHECKS") != "" {
		if err := replay.Exec(ctx, op.Do("check-fraud", func(context.Context) error { panic("a body runs") })); err != nil {
			return "", err
		}
	}
	if _, err := replay.Run(ctx, op.Step("reserve", func(context.Context) (int, error) { panic("a body runs") })); err != nil {
		return "", err
	}
	paid, err := replay.Run(ctx, op.Invoke[string]("charge", "payment", p.ID))
	if err != nil {
		return "", err
	}
	pack := op.StepFunc("pack", func(context.Context, string) (string, error) { panic("a body runs") })
	if err := replay.Exec(ctx, op.Map("parcels", p.Items, pack, op.WithMaxConcurrency(1))); err != nil {
		return "", err
	}
	return paid, replay.Exec(ctx, op.WaitForCallback[string]("collected", func(context.Context, string) error { panic("a body runs") }))
}

func main() { lambda.Start(replay.Handler(order)) }
`

// front is a service that stands for AWS and takes signed calls only.
func front(t *testing.T, s *site, region string, opts ...lambdaapi.Option) (url string, unsigned *[]string) {
	t.Helper()
	var mu sync.Mutex
	unsigned = new([]string)
	api := lambdaapi.Handler(s.service, opts...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if auth := r.Header.Get("Authorization"); !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") ||
			!strings.Contains(auth, "/"+region+"/lambda/aws4_request") {
			mu.Lock()
			*unsigned = append(*unsigned, r.Method+" "+r.URL.Path)
			mu.Unlock()
			http.Error(w, `{"message":"not signed"}`, http.StatusForbidden)
			return
		}
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, unsigned
}

// everyOther throttles every other call of each kind.
func everyOther() func(call string) bool {
	var mu sync.Mutex
	calls := make(map[string]int)
	return func(call string) bool {
		mu.Lock()
		defer mu.Unlock()
		calls[call]++
		return calls[call]%2 == 1
	}
}

// TestCompatAndRecordOnAWS: with signed calls, which are throttled and cut payloads off, compat
// finds what the histories show, and record writes them.
func TestCompatAndRecordOnAWS(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a function")
	}
	s, w := withOrders(t), newWorkshop(t)
	w.write("order/main.go", purchaseProgram)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", "order.bin", "./order")
	build.Dir, build.Env = w.dir, w.env
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const region = "eu-west-1"
	tests := []struct {
		reason   string
		opts     []lambdaapi.Option
		env      []string
		args     []string
		code     int
		out, err string
	}{
		{"all fit", nil, nil, []string{"compat", "order=./order.bin"}, cli.ExitOK, "all 3 running executions of order fit", ""},
		{
			"a step in front", nil,
			[]string{"ORDER_CHECKS=1"},
			[]string{"compat", "order=./order.bin"},
			cli.ExitFailed,
			"3 of 3 running executions of order would diverge", "",
		},
		{
			"throttled",
			[]lambdaapi.Option{lambdaapi.WithThrottling(everyOther())},
			[]string{"ORDER_CHECKS=1"},
			[]string{"compat", "order=./order.bin", "--max", "2"},
			cli.ExitFailed,
			"2 of 2 running executions of order would diverge", "--max 0 rehearses all",
		},
		{
			"what is cut off is not decided",
			[]lambdaapi.Option{lambdaapi.WithTruncation(8), lambdaapi.WithThrottling(everyOther())},
			nil,
			[]string{"compat", "order=./order.bin"},
			cli.ExitOK, "3 of 3 running executions of order cannot be decided", "",
		},
		{"neither --redact nor --plain", nil, nil, []string{"record", "order"}, cli.ExitUsage, "", "give --redact to replace it, or --plain"},
		{
			"a sample",
			[]lambdaapi.Option{lambdaapi.WithThrottling(everyOther())},
			nil,
			[]string{"record", "order", "--redact", "--sample", "2"},
			cli.ExitOK, "testdata/histories/order/", "wrote 2 of 4 histories",
		},
		{
			"a filter, and payloads that are cut off",
			[]lambdaapi.Option{lambdaapi.WithTruncation(8)},
			nil,
			[]string{"record", "order", "--plain", "--status", "RUNNING", "--name", "A-1", "--dir", "cut"},
			cli.ExitOK,
			"cut/A-1-", "wrote 1 of 1 history of order\n1 history has payloads that are withheld",
		},
	}
	for _, tt := range tests {
		url, unsigned := front(t, s, region, tt.opts...)
		here := *w
		here.env = append(append(append([]string{}, w.env...), credentials()...), "AWS_ENDPOINT_URL_LAMBDA="+url,
			"AWS_CONFIG_FILE=nothing", "AWS_SHARED_CREDENTIALS_FILE=nothing", "AWS_EC2_METADATA_DISABLED=true")
		here.env = append(here.env, tt.env...)
		got := here.run("http://127.0.0.1:1", append(tt.args, "--region", region)...)
		if got.code != tt.code || !strings.Contains(got.out, tt.out) || !strings.Contains(got.err, tt.err) || len(*unsigned) > 0 {
			t.Errorf("%s: %+v, want %d, %q and %q; not signed: %v", tt.reason, got, tt.code, tt.out, tt.err, *unsigned)
		}
	}
}
