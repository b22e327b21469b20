package cli_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// region is a service that stands for AWS: it takes signed calls only.
type region struct {
	*site
	*httptest.Server

	mu    sync.Mutex
	calls []*http.Request
}

// newRegion makes one, which may deny all calls.
func newRegion(t *testing.T, deny bool) *region {
	t.Helper()
	r := &region{site: newSite(t)}
	front := lambdaapi.Handler(r.service)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.calls = append(r.calls, req)
		denied := deny || !strings.HasPrefix(req.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
		r.mu.Unlock()
		if denied {
			w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"message":"User: ann is not authorized to perform: lambda:ListFunctions"}`)) // who is gone does not read
			return
		}
		front.ServeHTTP(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

// program runs the program in a process that has nothing of this machine's configuration.
func (r *region) program(env []string, args ...string) outcome {
	r.t.Helper()
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	nothing := filepath.Join(r.t.TempDir(), "nothing")
	cmd := exec.CommandContext(r.t.Context(), self, args...)
	cmd.Env = append([]string{
		asProgram + "=1", "HOME=" + nothing, "AWS_CONFIG_FILE=" + nothing, "AWS_SHARED_CREDENTIALS_FILE=" + nothing,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_ENDPOINT_URL_LAMBDA=" + r.URL, "PERDURE_ENDPOINT=http://127.0.0.1:1",
	}, env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &errs, 10*time.Second
	_ = cmd.Run() // its exit code is looked at
	return outcome{r.scrub(out.String()), r.scrub(errs.String()), cmd.ProcessState.ExitCode()}
}

func credentials() []string {
	return []string{"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret"}
}

// Every command goes to AWS, signed for the region, when a flag says so, and prints what it prints
// here.
func TestCommandsOnAWS(t *testing.T) {
	t.Parallel()
	r := newRegion(t, false)
	payload := `{"id":"A-1","items":["hat"]}`
	commands := [][]string{
		{"start", "order", payload, "--name", "A-1"},
		{"list", "order"},
		{"list"},
		{"show", "A-1", "-f", "order"},
		{"show", "A-1", "-f", "order", "-o", "json"},
		{"history", "A-1", "-f", "order"},
		{"callback", "heartbeat", "ID"},
		{"callback", "succeed", "ID", `"Ann"`},
		{"start", "order", payload, "--name", "A-2"},
		{"callback", "fail", "ID", "--type", "Lost"},
		{"pause", "A-1", "-f", "order", "--reason", "r"},
		{"resume", "A-1", "-f", "order"},
		{"stop", "A-1", "-f", "order"},
		{"delete", "A-1", "-f", "order"},
	}
	here := newSite(t)
	for _, c := range commands {
		own := func(s *site) []string {
			args := append([]string{}, c...)
			if len(c) > 2 && c[2] == "ID" {
				args[2] = s.callback()
			}
			return args
		}
		want := here.run(own(here)...)
		got := r.program(credentials(), append(own(r.site), "--region", "eu-west-1")...)
		here.settle()
		r.settle()
		want.out, got.out = ageless(want.out), ageless(got.out)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(outcome{})); diff != "" || got.code != 0 {
			t.Errorf("%s: exit code %d (-here +AWS):\n%s", strings.Join(c, " "), got.code, diff)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.calls) < len(commands) {
		t.Errorf("there were %d calls", len(r.calls))
	}
	for _, c := range r.calls {
		if got := c.Header.Get("Authorization"); !strings.Contains(got, "/eu-west-1/lambda/aws4_request") {
			t.Errorf("%s %s is signed with %q", c.Method, c.URL.Path, got)
		}
	}
}

// ageless leaves out what depends on when something is shown: a process has the real clock.
func ageless(text string) string {
	return regexp.MustCompile(`\w+ ago|times out \w+( \w+)?`).ReplaceAllString(text, "…")
}

func TestAWSConfiguration(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason, want string
		env, args          []string
		deny               bool
		code               int
	}{
		{
			name: "no region", reason: "no one can guess it", args: []string{"list", "--aws"}, env: credentials(),
			want: "no AWS region is configured; give --region, or set AWS_REGION", code: cli.ExitUsage,
		},
		{
			name: "region of the environment", reason: "as all AWS programs", args: []string{"list", "--aws"},
			env: append(credentials(), "AWS_REGION=eu-west-1"), want: "there are no executions yet",
		},
		{
			name: "no credentials", reason: "says what is missing", args: []string{"list", "--region", "eu-west-1"},
			want: "credentials", code: cli.ExitUnavailable,
		},
		{
			name: "an unknown profile", reason: "names it", args: []string{"list", "--profile", "work"},
			want: "work", code: cli.ExitUnavailable,
		},
		{
			name: "not allowed", reason: "names the action that the policy lacks", args: []string{"list", "--region", "eu-west-1"},
			env: credentials(), deny: true, want: "User: ann is not authorized to perform: lambda:ListFunctions (AccessDeniedException)",
			code: cli.ExitUnavailable,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRegion(t, tt.deny)
			got := r.program(tt.env, tt.args...)
			if got.code != tt.code || !strings.Contains(got.err, tt.want) || strings.Count(got.err, "\n") != 1 {
				t.Errorf("%s: got %+v, want %q and the exit code %d", tt.reason, got, tt.want, tt.code)
			}
		})
	}
}
