package cli_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// account answers as Lambda, IAM and CloudWatch Logs do, in the shapes of their models; what it
// has no answer for goes to the service that has the executions.
type account struct {
	answers map[string]answer // by what is called
	mu      sync.Mutex
	calls   []string
}

type answer struct {
	status int
	kind   string // of the error; empty for none
	body   string
}

// healthy is the account of a function that lacks nothing.
func healthy() map[string]answer {
	return map[string]answer{
		"GetFunction": {body: `{"Configuration":{
			"FunctionName":"order","FunctionArn":"arn:aws:lambda:eu-west-1:123456789012:function:order","Version":"$LATEST",
			"Role":"arn:aws:iam::123456789012:role/service-role/order-role","Runtime":"provided.al2023","Handler":"bootstrap",
			"PackageType":"Zip","Architectures":["arm64"],"MemorySize":256,"Timeout":60,"State":"Active","LastUpdateStatus":"Successful",
			"DurableConfig":{"ExecutionTimeout":2592000,"RetentionPeriodInDays":14},
			"LoggingConfig":{"LogFormat":"JSON","LogGroup":"/aws/lambda/order"},"VpcConfig":{"SubnetIds":[],"SecurityGroupIds":[],"VpcId":""}
		}}`},
		"ListAliases":                {body: `{"Aliases":[{"Name":"live","FunctionVersion":"7"}]}`},
		"ListVersionsByFunction":     {body: `{"Versions":[{"Version":"$LATEST"}]}`},
		"GetFunctionRecursionConfig": {body: `{"RecursiveLoop":"Allow"}`},
		"DescribeLogGroups":          {body: `{"logGroups":[{"logGroupName":"/aws/lambda/order","retentionInDays":30}]}`},
		"SimulatePrincipalPolicy":    {body: "allowed"}, // the decision for each action
	}
}

// with returns an account with other answers.
func with(other map[string]answer) map[string]answer {
	all := healthy()
	maps.Copy(all, other)
	return all
}

// configured returns an answer of GetFunction in which old is replaced by changed, in pairs.
func configured(pairs ...string) answer {
	body := healthy()["GetFunction"].body
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(body, pairs[i]) {
			panic("the answer has no " + pairs[i])
		}
	}
	return answer{body: strings.NewReplacer(pairs...).Replace(body)}
}

func denied(action string) answer {
	return answer{http.StatusForbidden, "AccessDeniedException", "User: ann is not authorized to perform: " + action}
}

func throttled(kind string, status int) answer { return answer{status, kind, "Rate exceeded"} }

// callOf returns the operation that a request is for, empty for one of executions.
func callOf(r *http.Request) string {
	path := r.URL.Path
	switch {
	case r.Header.Get("X-Amz-Target") != "":
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		return operation
	case r.Header.Get("Content-Type") == "application/x-www-form-urlencoded":
		return r.PostFormValue("Action")
	case strings.HasSuffix(path, "/recursion-config"):
		return "GetFunctionRecursionConfig"
	case strings.HasSuffix(path, "/aliases"):
		return "ListAliases"
	case strings.HasSuffix(path, "/versions"):
		return "ListVersionsByFunction"
	case strings.HasPrefix(path, "/2015-03-31/functions/") && strings.Count(path, "/") == 3:
		return "GetFunction"
	case strings.HasSuffix(path, "/durable-executions"):
		return "ListDurableExecutionsByFunction"
	}
	return ""
}

// serve serves an account with the executions of a site.
func (a *account) serve(s *site) *region {
	executions := lambdaapi.Handler(s.service)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := callOf(r)
		a.mu.Lock()
		a.calls = append(a.calls, call)
		a.mu.Unlock()
		known, ok := a.answers[call]
		switch {
		case !ok:
			executions.ServeHTTP(w, r)
		case call == "SimulatePrincipalPolicy":
			known.simulate(w, r)
		case known.kind != "":
			w.Header().Set("X-Amzn-Errortype", known.kind)
			w.WriteHeader(known.status)
			fmt.Fprintf(w, `{"__type":%q,"message":%q,"Message":%[2]q,"Type":"User"}`, known.kind, known.body)
		default:
			fmt.Fprint(w, known.body)
		}
	}))
	s.t.Cleanup(server.Close)
	return &region{site: s, Server: server}
}

// simulate answers as IAM does: a decision for each action, which is that of the answer, or denied
// for actions that it names.
func (a answer) simulate(w http.ResponseWriter, r *http.Request) {
	if a.kind != "" {
		w.WriteHeader(a.status)
		fmt.Fprintf(w, `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>%s</Code>`+
			`<Message>%s</Message></Error><RequestId>r</RequestId></ErrorResponse>`, a.kind, a.body)
		return
	}
	fmt.Fprint(w, `<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><SimulatePrincipalPolicyResult>`+
		`<IsTruncated>false</IsTruncated><EvaluationResults>`)
	decision, but, _ := strings.Cut(a.body, " but ")
	for i := 1; ; i++ {
		action := r.PostFormValue(fmt.Sprintf("ActionNames.member.%d", i))
		if action == "" {
			break
		}
		d := decision
		if but != "" && strings.Contains(but, action) {
			d = "implicitDeny"
		}
		fmt.Fprintf(w, `<member><EvalActionName>%s</EvalActionName><EvalResourceName>%s</EvalResourceName><EvalDecision>%s</EvalDecision></member>`,
			action, r.PostFormValue("ResourceArns.member.1"), d)
	}
	fmt.Fprint(w, `</EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>`)
}

// doctor runs perdure doctor on an account, with the executions of withMany.
func (a *account) doctor(s *site, args ...string) outcome {
	r := a.serve(s)
	env := append(credentials(), "AWS_ENDPOINT_URL="+r.URL, "AWS_MAX_ATTEMPTS=1")
	return r.program(env, append([]string{"doctor", "order", "--region", "eu-west-1"}, args...)...)
}

// TestDoctor: a function that lacks nothing, and one that lacks everything. What is printed is in
// testdata/doctor.
func TestDoctor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		answers map[string]answer
		code    int
	}{
		{"healthy", healthy(), cli.ExitOK},
		{"lacking", with(map[string]answer{
			"GetFunction": configured(`"provided.al2023"`, `"nodejs22.x"`, `"MemorySize":256`, `"MemorySize":128`,
				`{"SubnetIds":[],"SecurityGroupIds":[],"VpcId":""}`, `{"SubnetIds":["subnet-1","subnet-2"],"SecurityGroupIds":["sg-1"],"VpcId":"vpc-1"},
				"Environment":{"Variables":{"AWS_ENDPOINT_URL":"https://user:secret@lambda.internal/x","TOKEN":"secret"}}`,
				`"RetentionPeriodInDays":14`, `"RetentionPeriodInDays":1,"KMSKeyArn":"arn:aws:kms:eu-west-1:123456789012:key/k"`,
				`}}`, `},"Concurrency":{"ReservedConcurrentExecutions":0}}`),
			"ListAliases":                {body: `{"Aliases":[]}`},
			"GetFunctionRecursionConfig": {body: `{"RecursiveLoop":"Terminate"}`},
			"DescribeLogGroups":          {body: `{"logGroups":[{"logGroupName":"/aws/lambda/order-2"}]}`},
			"SimulatePrincipalPolicy":    {body: "implicitDeny"},
		}), cli.ExitFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := &account{answers: tt.answers}
			got := a.doctor(withMany(t))
			name := filepath.Join("testdata", "doctor", tt.name+".txt")
			if os.Getenv(update) != "" {
				if err := os.WriteFile(name, []byte(got.out), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.out); diff != "" || got.code != tt.code || got.err != "" {
				t.Errorf("exit code %d, %s (-want +got):\n%s", got.code, got.err, diff)
			}
		})
	}
}

// TestDoctorFindings: what one thing that is otherwise has doctor say.
func TestDoctorFindings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason  string
		answers map[string]answer
		args    []string
		code    int
		want    []string // lines that are printed
		not     []string // calls that are not made
	}{
		{
			"not durable: nothing is asked about executions", with(map[string]answer{
				"GetFunction": configured(`"DurableConfig":{"ExecutionTimeout":2592000,"RetentionPeriodInDays":14},`, ``),
			}), nil, cli.ExitFailed,
			[]string{"the function has no DurableConfig: it cannot run executions", "--durable-config ExecutionTimeout=2592000"},
			[]string{"ListDurableExecutionsByFunction"},
		},
		{
			"no such function", with(map[string]answer{
				"GetFunction": {http.StatusNotFound, "ResourceNotFoundException", "Function not found: order"},
			}), nil, cli.ExitNotFound, []string{"look at function order: Function not found: order"}, []string{"ListAliases"},
		},
		{
			"the function may not be read", with(map[string]answer{"GetFunction": denied("lambda:GetFunction")}), nil,
			cli.ExitUnavailable,
			[]string{"not authorized to perform: lambda:GetFunction (AccessDeniedException)"},
			[]string{"ListAliases"},
		},
		{
			"the function cannot be read now", with(map[string]answer{
				"GetFunction": throttled("TooManyRequestsException", http.StatusTooManyRequests),
			}), nil, cli.ExitUnavailable, []string{"Rate exceeded (TooManyRequestsException)"}, []string{"ListAliases"},
		},
		{
			"what may not be read is no fault", with(map[string]answer{
				"ListAliases": denied("lambda:ListAliases"), "GetFunctionRecursionConfig": denied("x"), "DescribeLogGroups": denied("x"),
				"SimulatePrincipalPolicy":         {http.StatusForbidden, "AccessDenied", "not authorized"},
				"ListDurableExecutionsByFunction": denied("lambda:ListDurableExecutionsByFunction"),
			}), nil, cli.ExitOK, []string{
				"allow lambda:ListAliases to whoever runs this", "allow iam:SimulatePrincipalPolicy to whoever runs this; by hand: " +
					"aws iam list-attached-role-policies --role-name order-role --region eu-west-1",
				"allow logs:DescribeLogGroups to whoever runs this", "allow lambda:GetFunctionRecursionConfig to whoever runs this",
				"allow lambda:ListDurableExecutionsByFunction and lambda:GetDurableExecutionHistory to whoever runs this",
				"nothing is missing; 5 things could not be read",
			}, nil,
		},
		{
			"what is throttled can be read later", with(map[string]answer{
				"ListAliases":             throttled("TooManyRequestsException", http.StatusTooManyRequests),
				"DescribeLogGroups":       throttled("ThrottlingException", http.StatusBadRequest),
				"SimulatePrincipalPolicy": throttled("Throttling", http.StatusBadRequest),
			}), nil, cli.ExitOK, []string{
				"unread  version", "unread  role", "unread  log group", "run it again in a minute", "nothing is missing; 3 things could not be read",
			}, nil,
		},
		{
			"a policy denies", with(map[string]answer{"SimulatePrincipalPolicy": {body: "explicitDeny"}}), nil, cli.ExitFailed,
			[]string{"a policy denies it", "remove the statement with Effect Deny"},
			nil,
		},
		{
			"one action is missing: the policy has all", with(map[string]answer{
				"SimulatePrincipalPolicy": {body: "allowed but lambda:GetDurableExecutionState"},
			}), nil, cli.ExitFailed, []string{
				"order-role may not lambda:GetDurableExecutionState on arn:aws:lambda:eu-west-1:123456789012:function:order:*",
				`'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:CheckpointDurableExecution",` +
					`"lambda:GetDurableExecutionState"],"Resource":"arn:aws:lambda:eu-west-1:123456789012:function:order:*"}]}'`,
				"1 thing is missing",
			}, nil,
		},
		{
			"hold is for some", with(map[string]answer{"SimulatePrincipalPolicy": {body: "allowed but lambda:PauseDurableExecution"}}), nil,
			cli.ExitOK,
			[]string{"for replay.DivergenceHold alone", "nothing is missing"},
			nil,
		},
		{
			"a version, and no alias", with(map[string]answer{
				"ListAliases": {body: `{}`}, "ListVersionsByFunction": {body: `{"Versions":[{"Version":"$LATEST"},{"Version":"7"}]}`},
			}), nil, cli.ExitOK, []string{"version 7 is published, and no alias", "--name live --function-version 7"}, nil,
		},
		{
			"lines are kept forever", with(map[string]answer{"DescribeLogGroups": {body: `{"logGroups":[{"logGroupName":"/aws/lambda/order"}]}`}}),
			nil, cli.ExitOK,
			[]string{"note  ", "keeps lines forever", "put-retention-policy --log-group-name /aws/lambda/order"},
			nil,
		},
		{
			"a log group of another name", with(map[string]answer{
				"GetFunction":       configured(`"/aws/lambda/order"`, `"orders"`),
				"DescribeLogGroups": {body: `{"logGroups":[{"logGroupName":"orders","retentionInDays":1}]}`},
			}), nil, cli.ExitOK, []string{"orders keeps lines for 1 day"}, nil,
		},
		{
			"the last deploy has failed", with(map[string]answer{
				"GetFunction": configured(`"LastUpdateStatus":"Successful"`, `"LastUpdateStatus":"Failed","LastUpdateStatusReason":"no such subnet"`),
			}), nil, cli.ExitFailed, []string{"the last deploy has failed: no such subnet"}, nil,
		},
		{
			"an older runtime", with(map[string]answer{"GetFunction": configured(`"provided.al2023"`, `"provided.al2"`)}), nil,
			cli.ExitOK,
			[]string{"note  runtime", "--runtime provided.al2023"},
			nil,
		},
		{
			"an image", with(map[string]answer{"GetFunction": configured(`"Zip"`, `"Image"`, `"Runtime":"provided.al2023",`, ``)}), nil,
			cli.ExitOK,
			[]string{"an image on arm64"},
			nil,
		},
		{
			"no history is read", healthy(),
			[]string{"--histories", "0"},
			cli.ExitOK,
			[]string{"1m; no execution was looked at"},
			[]string{"ListDurableExecutionsByFunction"},
		},
		{"less than no history", healthy(), []string{"--histories", "-1"}, cli.ExitUsage, []string{"--histories is a number"}, []string{"GetFunction"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			a := &account{answers: tt.answers}
			got := a.doctor(newSite(t), tt.args...)
			if got.code != tt.code {
				t.Errorf("exit code %d, want %d: %s", got.code, tt.code, got.err)
			}
			for _, want := range tt.want {
				if !strings.Contains(got.out+got.err, want) {
					t.Errorf("%q is not in:\n%s%s", want, got.out, got.err)
				}
			}
			a.mu.Lock()
			defer a.mu.Unlock()
			for _, call := range a.calls {
				for _, not := range tt.not {
					if call == not {
						t.Errorf("%s is called", call)
					}
				}
			}
		})
	}
}

// TestDoctorJSON: programs read the same findings, and a function on this machine has none.
func TestDoctorJSON(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := &account{answers: with(map[string]answer{"ListAliases": {body: `{"Aliases":[]}`}, "DescribeLogGroups": denied("x")})}
	got := a.doctor(s, "-o", "json")
	var out struct {
		Function, FunctionArn string
		Missing, Unread       int
		Findings              []struct{ Check, State, Found, Mend string }
	}
	if err := json.Unmarshal([]byte(got.out), &out); err != nil {
		t.Fatalf("%v: %+v", err, got)
	}
	states := make(map[string]string)
	for _, f := range out.Findings {
		states[f.Check] = f.State
		if f.Found == "" || f.Mend == "" && f.State != "ok" {
			t.Errorf("%s is %s, and what mends it is not said: %+v", f.Check, f.State, f)
		}
	}
	if got.code != cli.ExitFailed || out.Function != "order" || out.Missing != 1 || out.Unread != 1 ||
		states["version"] != "missing" || states["log group"] != "unread" || states["durable"] != "ok" {
		t.Errorf("exit code %d: %+v", got.code, out)
	}
	if here := s.run("doctor", "order"); here.code != cli.ExitUsage || !strings.Contains(here.err, "give --region, --profile or --aws") {
		t.Errorf("on this machine: %+v", here)
	}
}
