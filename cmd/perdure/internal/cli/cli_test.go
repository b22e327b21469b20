package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	tests := []struct {
		args string
		want string // what standard error says, after "perdure: "
		code int
	}{
		{"frob", `there is no command "frob"; see perdure --help`, cli.ExitUsage},
		{"ls", `there is no command "ls"; did you mean list?`, cli.ExitUsage},
		{"lst", `there is no command "lst"; did you mean list?`, cli.ExitUsage},
		{"start", "FUNCTION is missing: the name of a function, with a version or an alias for AWS, such as order:live; see perdure start --help", cli.ExitUsage},
		{"start order {} more", `there is no argument "more": perdure start takes FUNCTION and PAYLOAD; see perdure start --help`, cli.ExitUsage},
		{`start order {"id":`, `the payload is no JSON: {"id":; a text needs quotes: '"text"'`, cli.ExitUsage},
		{"start order @missing.json", "open missing.json: no such file or directory; give @FILE of a file that can be read, or - for the standard input", cli.ExitUsage},
		{"show", "EXECUTION is missing: the name or the ARN of an execution, as perdure list prints them; see perdure show --help", cli.ExitUsage},
		{"stop", "EXECUTION is missing: the name or the ARN of an execution, as perdure list prints them; see perdure stop --help", cli.ExitUsage},
		{"callback", "the answer is missing: succeed, fail or heartbeat; see perdure callback --help", cli.ExitUsage},
		{"callback frob", "the answer is missing: succeed, fail or heartbeat; see perdure callback --help", cli.ExitUsage},
		{"callback succeed ID yes", `the result is no JSON: yes; give JSON of the type of the callback, such as '{"approved":true}'; for a callback of a string, which takes it as it stands, add --text`, cli.ExitUsage},
		{"callback succeed ID {approved:true}", `the result is no JSON: {approved:true}; give JSON of the type of the callback, such as '{"approved":true}'; for a callback of a string, which takes it as it stands, add --text`, cli.ExitUsage},
		{"callback fail", "ID is missing: the ID of a callback, which perdure show prints; see perdure callback fail --help", cli.ExitUsage},
		{"list --status GONE", `there is no status "GONE": executions are RUNNING, PAUSING, PAUSED, SUCCEEDED, FAILED, TIMED_OUT, STOPPED, DELETING`, cli.ExitUsage},
		{"pause", "EXECUTION is missing: the name or the ARN of an execution, as perdure list prints them; --all is for all that the flags select; see perdure pause --help", cli.ExitUsage},
		{"pause A-1 --all", `--all is for all executions that the flags select; leave "A-1" out, or --all`, cli.ExitUsage},
		{"pause A-1 --dry-run", "--dry-run selects of many executions; give --all, and no execution", cli.ExitUsage},
		{"resume A-1 A-2", `there is no argument "A-2": perdure resume takes EXECUTION; see perdure resume --help`, cli.ExitUsage},
		{"delete --all --status running", "executions that are RUNNING cannot be deleted: only those that are SUCCEEDED, FAILED, TIMED_OUT, STOPPED", cli.ExitUsage},
		{"delete --all --name [", `--name is a name with * and ? for what varies, not "["`, cli.ExitUsage},
		{"delete --all --older-than -1h", "--older-than and --newer-than are durations such as 24h", cli.ExitUsage},
		{"delete --all --older-than 2h --newer-than 1h", "no execution was started both longer than 2h ago and within 1h", cli.ExitUsage},
		{"delete --all --rate 0", "--rate is a number of calls a second, at least 1, not 0", cli.ExitUsage},
		{"delete --all --limit -1", "--limit is the number of executions, or 0 for all, not -1", cli.ExitUsage},
		{"list --limit -1", "--limit is the number of executions, or 0 for all, not -1", cli.ExitUsage},
		{"list --since -1h", "--since is a duration such as 24h, not -1h", cli.ExitUsage},
		{"list --frob", "there is no flag --frob; see perdure list --help", cli.ExitUsage},
		{"list -o yaml", `--output is text or json, not "yaml"`, cli.ExitUsage},
		{"list -o dot", `--output is text or json, not "dot"`, cli.ExitUsage},
		{"show A-1 -o svg", `--output is text, json, mermaid, dot or html, not "svg"`, cli.ExitUsage},
		{"show A-1 -o dot --timeline", "--timeline is text; leave out -o dot", cli.ExitUsage},
		{"show A-1 -o json --watch", "--watch shows text; leave out -o json, or --watch", cli.ExitUsage},
		{"show A-1 --redact", "--redact is for a file to pass on; add -o html", cli.ExitUsage},
		{"list --timeout 0s", "--timeout is a duration such as 30s, not 0s", cli.ExitUsage},
		{"list --aws --endpoint http://127.0.0.1:1", "--endpoint is for a service on this machine, and --aws, --region and --profile for AWS; give one of them", cli.ExitUsage},
		{"list --endpoint 127.0.0.1:9090", `--endpoint and $PERDURE_ENDPOINT are URLs such as http://127.0.0.1:9090, not "127.0.0.1:9090"`, cli.ExitUsage},
		{"dev", "DIR is missing: the folder of a function, such as ./order; see perdure dev --help", cli.ExitUsage},
		{"dev ./missing", "./missing is not a folder; give that of a function, such as ./order", cli.ExitUsage},
		{"dev testdata testdata", "two functions are named testdata; give one another name, as in other=testdata", cli.ExitUsage},
		{"dev my.order=testdata", `"my.order" cannot be the name of a function, which is 1 to 64 letters, digits, - and _; give another, as in my-order=testdata`, cli.ExitUsage},
		{"dev ../cli.x=testdata", `"../cli.x" cannot be the name of a function, which is 1 to 64 letters, digits, - and _; give another, as in cli-x=testdata`, cli.ExitUsage},
		{"dev =testdata", `"" cannot be the name of a function, which is 1 to 64 letters, digits, - and _; give another, as in order=testdata`, cli.ExitUsage},
		{"dev testdata --memory --processes 0", "--processes is at least 1, not 0", cli.ExitUsage},
		{"dev testdata --memory --function-timeout 0s", "--function-timeout is a duration such as 15m, not 0s", cli.ExitUsage},
		{"dev testdata --memory --execution-timeout -1s", "--execution-timeout is a duration such as 24h, or 0 forever, not -1s", cli.ExitUsage},
		{"dev testdata --memory --retention -1h", "--retention is a duration such as 336h, or 0 forever, not -1h", cli.ExitUsage},
		{"dev testdata --store=", "--store is a file; --memory keeps executions in memory only", cli.ExitUsage},
		{"dev testdata --memory --listen here", `--listen is an address such as 127.0.0.1:9090, not "here"`, cli.ExitUsage},

		{"skip A-1", "DURATION is missing: how much time to skip, such as 24h; --operation skips the rest of one wait; see perdure skip --help", cli.ExitUsage},
		{"skip A-1 tomorrow", `DURATION is a time such as 24h, 90m or 3d, not "tomorrow"`, cli.ExitUsage},
		{"skip A-1 24h --aws", "AWS has no call to skip time; leave out --aws, --region and --profile, for executions on this machine", cli.ExitUsage},
		{"skip A-9 24h", `no function has an execution named "A-9"; perdure list shows all`, cli.ExitNotFound},
		{"ui --store x.db --aws", "--store is a file, and --endpoint, --aws, --region and --profile are for an API; give one of them", cli.ExitUsage},
		{"ui --listen 0.0.0.0:9091", `--listen is an address of loopback such as 127.0.0.1:9091, not "0.0.0.0:9091": the page shows payloads, and acts with your rights`, cli.ExitUsage},
		{"ui --listen here", `--listen is an address of loopback such as 127.0.0.1:9091, not "here": the page shows payloads, and acts with your rights`, cli.ExitUsage},
		{"ui --endpoint http://127.0.0.1:1", "list functions: no answer at http://127.0.0.1:1; start perdure dev, or give --endpoint or --aws", cli.ExitUnavailable},

		{"list missing", "list executions of missing: no such function is hosted: missing (ResourceNotFoundException); perdure dev hosts the functions that it was started with", cli.ExitNotFound},
		{"start missing", "start missing: no such function is hosted: missing (ResourceNotFoundException); perdure dev hosts the functions that it was started with", cli.ExitNotFound},
		{"show A-9", `no function has an execution named "A-9"; perdure list shows all`, cli.ExitNotFound},
		{"stop A-9", `no function has an execution named "A-9"; perdure list shows all`, cli.ExitNotFound},
		{"history A-9", `no function has an execution named "A-9"; perdure list shows all`, cli.ExitNotFound},
		{"show A-9 -f order", `function order has no execution named "A-9"; perdure list order shows all`, cli.ExitNotFound},
		{"show arn:aws:lambda:us-east-1:1:function:order", "show arn:aws:lambda:us-east-1:1:function:order: no such execution (ResourceNotFoundException); perdure list shows all", cli.ExitNotFound},
		{"history arn:aws:lambda:us-east-1:1:function:order", "history of arn:aws:lambda:us-east-1:1:function:order: no such execution (ResourceNotFoundException); perdure list shows all", cli.ExitNotFound},
		{"callback succeed no-id --text yes", "complete callback no-id: no such callback (InvalidParameterValueException); perdure show prints the IDs of callbacks that are open", cli.ExitNotFound},
		{"callback succeed no-id", "RESULT is missing: JSON that fits the type of the callback; --empty completes it without one, as the zero value of its type, such as false; see perdure callback succeed --help", cli.ExitUsage},
		{"callback succeed no-id true --empty", "--empty sends no result; leave out true, or --empty", cli.ExitUsage},
		{"callback succeed no-id <result", `the result is no JSON: <result; give JSON of the type of the callback, such as '{"approved":true}'; for a callback of a string, which takes it as it stands, add --text`, cli.ExitUsage},
		{"callback succeed no-id --empty", "complete callback no-id: no such callback (InvalidParameterValueException); perdure show prints the IDs of callbacks that are open", cli.ExitNotFound},
		{"callback fail no-id", "fail callback no-id: no such callback (InvalidParameterValueException); perdure show prints the IDs of callbacks that are open", cli.ExitNotFound},
		{"callback heartbeat no-id", "heartbeat of callback no-id: no such callback (InvalidParameterValueException); perdure show prints the IDs of callbacks that are open", cli.ExitNotFound},

		{"list --endpoint http://127.0.0.1:1", "list functions: no answer at http://127.0.0.1:1; start perdure dev, or give --endpoint or --aws", cli.ExitUnavailable},
	}
	s := newSite(t)
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			t.Parallel()
			got := s.run(strings.Fields(tt.args)...)
			if diff := cmp.Diff(outcome{err: "perdure: " + tt.want + "\n", code: tt.code}, got, cmp.AllowUnexported(outcome{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A second start under the name with another payload is refused, and says which execution there is.
func TestNameIsTaken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.run("start", "order:$LATEST", `{"id":"A-1","items":["hat"]}`, "--name", "A-1")
	s.settle()
	again := s.run("start", "order:$LATEST", `{"id":"A-1","items":["hat"]}`, "--name", "A-1")
	if diff := cmp.Diff(first, again, cmp.AllowUnexported(outcome{})); diff != "" || first.code != 0 {
		t.Errorf("the same payload (-first +second):\n%s", diff)
	}
	other := s.run("start", "order", `{}`, "--name", "A-1")
	if other.code != cli.ExitUnavailable || !strings.Contains(other.err, "DurableExecutionAlreadyStartedException") ||
		!strings.Contains(other.err, "durable-execution/A-1/") {
		t.Errorf("another payload: %+v", other)
	}
}

func TestShapes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run("start", "order", `{"id":"A-1","items":["hat"]}`, "--name", "A-1")
	s.advance(time.Hour)
	s.run("callback", "fail", s.callback(), "--type", "Lost", "--message", "no one came", "--data", "x")
	s.advance(time.Hour)
	s.run("start", "payment", `"A-2"`, "--name", "A-2")
	s.settle()
	for _, args := range []string{
		"show A-1 -f order", "show A-1 -f order -o json", "list -o json --oldest", "list --status failed",
		"list order --since 1m", "history A-2 -f payment -o json", "history A-2 -f payment --follow",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			got := s.run(strings.Fields(args)...)
			if got.code != 0 {
				t.Fatalf("got %+v", got)
			}
			golden(t, args, got.err+got.out)
			if strings.Contains(args, "json") && !strings.Contains(args, "history") && !json.Valid([]byte(got.out)) {
				t.Error("this is no JSON")
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(strings.ReplaceAll(name, "-", ""), " ", "-")+".txt")
	if os.Getenv(update) != "" {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s is not what the program prints (-want +got); if that is right, run the test with %s=1:\n%s", path, update, diff)
	}
}

// A list that is not all of it says so.
func TestListIsCut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, name := range []string{"C-1", "C-2", "C-3"} {
		s.run("start", "payment", `"x"`, "--name", name)
		s.settle()
	}
	tests := []struct {
		args      string
		lines     int
		said, why string
	}{
		{"list --limit 2", 3, "there are more of payment: --limit 0 lists all\n", "scripts read what is printed, people what is said"},
		{"list --limit 3", 4, "", "that is all"},
		{"list --limit 0", 4, "", "that is all"},
		{"list order", 0, "there are no executions yet\n", "nothing was selected"},
		{"list order --since 1h", 0, "there are no such executions\n", "there may be others"},
	}
	for _, tt := range tests {
		got := s.run(strings.Fields(tt.args)...)
		if got.code != 0 || got.err != tt.said || strings.Count(got.out, "\n") != tt.lines {
			t.Errorf("%s: %s: got %+v", tt.args, tt.why, got)
		}
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run("start", "order", `{"id":"A-1","items":["hat"]}`, "--name", "A-1")
	s.settle()
	arn := s.service.Executions()[0].ARN()
	tests := []struct{ args, want string }{
		{"start|", "order\npayment\n:4\n"},
		{"list|", "order\npayment\n:4\n"},
		{"show|", s.scrub(arn) + "\n:4\n"},
		{"stop|--function|order|", "A-1\n:4\n"},
		{"stop|--function|", "order\npayment\n:4\n"},
		{"list|--status|", "RUNNING\nPAUSING\nPAUSED\nSUCCEEDED\nFAILED\nTIMED_OUT\nSTOPPED\nDELETING\n:4\n"},
		{"pause|--function|order|", "A-1\n:4\n"},
		{"resume|--function|order|", ":4\n"},
		{"list|-o|", "text\njson\n:4\n"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			t.Parallel()
			got := s.run(append([]string{"__complete"}, strings.Split(tt.args, "|")...)...)
			if diff := cmp.Diff(tt.want, got.out); diff != "" || got.code != 0 {
				t.Errorf("(-want +got):\n%s%s", diff, got.err)
			}
		})
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := s.run("completion", shell); got.code != 0 || !strings.Contains(got.out, "perdure") {
			t.Errorf("completion %s: %d, %d bytes", shell, got.code, len(got.out))
		}
	}
}

// Every command and every flag of dev is in docs/cli.md.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	help := s.run("--help").out
	commands := regexp.MustCompile(`(?m)^  ([a-z]+) {2,}`).FindAllStringSubmatch(help, -1)
	if len(commands) < 8 {
		t.Fatalf("the help names %d commands:\n%s", len(commands), help)
	}
	for _, c := range commands {
		if c[1] != "help" && c[1] != "version" && !strings.Contains(string(doc), c[1]) {
			t.Errorf("docs/cli.md does not mention perdure %s", c[1])
		}
	}
	own, _, _ := strings.Cut(s.run("dev", "--help").out, "Global Flags:")
	flags := regexp.MustCompile(`(?m)^ +(--[a-z-]+)`).FindAllStringSubmatch(own, -1)
	if len(flags) < 8 {
		t.Fatalf("the help of dev names %d flags", len(flags))
	}
	for _, f := range flags {
		if !strings.Contains(string(doc), "`"+f[1]) {
			t.Errorf("docs/cli.md does not mention perdure dev %s", f[1])
		}
	}
}
