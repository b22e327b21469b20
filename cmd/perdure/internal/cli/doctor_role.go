package cli

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// need is what a role must be allowed.
type need struct {
	check, policy string
	actions       []string
	on, granted   string // the ARN that is tried, and the one that a policy is to name
	optional      string // what it is for, if not every function needs it
}

// mostTargets is how many invoked functions are looked at: each is a call.
const mostTargets = 5

// needs returns what the role of the function must be allowed.
func (e *examination) needs() []need {
	itself, version := e.unqualified(), aws.ToString(e.config.Version)
	all := []need{{
		check: "role: checkpoints", policy: "durable-execution",
		actions: []string{"lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState"},
		on:      itself + ":" + version, granted: itself + ":*",
	}, {
		check: "role: hold", policy: "durable-hold", actions: []string{"lambda:PauseDurableExecution"},
		on: itself + ":" + version, granted: itself + ":*", optional: "for replay.DivergenceHold alone",
	}}
	targets := e.past.targets[:min(mostTargets, len(e.past.targets))]
	for _, target := range targets {
		if !strings.HasPrefix(target, "arn:") {
			before, _, _ := strings.Cut(itself, ":function:")
			target = before + ":function:" + target
		}
		all = append(all, need{
			check: "role: invoke", policy: "invoke-" + functionOf(target), actions: []string{"lambda:InvokeFunction"}, on: target, granted: target,
		})
	}
	if len(targets) == 0 {
		all = append(all, need{
			check: "role: invoke", policy: "invoke-itself", actions: []string{"lambda:InvokeFunction"},
			on: itself + ":" + version, granted: itself + ":*",
			optional: "for replay.ContinueAsNew; op.Invoke and op.Start need it for their targets, and no execution that was read has one",
		})
	}
	if group := e.groupARN(); group != "" {
		all = append(all, need{
			check: "role: logs", policy: "logs", actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"},
			on: group + ":log-stream:perdure", granted: group + ":*",
		})
	}
	if c := e.config.DurableConfig; c != nil && aws.ToString(c.KMSKeyArn) != "" {
		all = append(all, need{
			check: "role: key", policy: "durable-key", actions: []string{"kms:Decrypt", "kms:GenerateDataKey"},
			on: *c.KMSKeyArn, granted: *c.KMSKeyArn,
		})
	}
	return all
}

// unqualified returns the ARN of the function without a version or alias.
func (e *examination) unqualified() string {
	before, _, _ := strings.Cut(e.ARN, ":function:")
	return before + ":function:" + e.Function
}

// role looks at what the role of the function may do.
func (e *examination) role(ctx context.Context) {
	arn := aws.ToString(e.config.Role)
	if arn == "" {
		e.add("role", findingMissing, e.configure("--role ROLE-ARN"), "the function has no role")
		return
	}
	name := arn[strings.LastIndex(arn, "/")+1:]
	for _, n := range e.needs() {
		out, err := ask(ctx, e, func(ctx context.Context) (*iam.SimulatePrincipalPolicyOutput, error) {
			return e.roles.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
				PolicySourceArn: &arn, ActionNames: n.actions, ResourceArns: []string{n.on},
			})
		})
		if err != nil { // which is the same for each of them
			e.unread("role", "iam:SimulatePrincipalPolicy", err)
			last := &e.Findings[len(e.Findings)-1]
			last.Mend += "; by hand: " + e.command("iam list-attached-role-policies --role-name %s", name)
			return
		}
		e.judge(n, name, out.EvaluationResults)
	}
}

// judge adds what the simulator says of a need.
func (e *examination) judge(n need, role string, results []iamtypes.EvaluationResult) {
	var missing, denied []string
	for _, action := range n.actions {
		i := slices.IndexFunc(results, func(r iamtypes.EvaluationResult) bool {
			return strings.EqualFold(aws.ToString(r.EvalActionName), action)
		})
		switch {
		case i < 0 || results[i].EvalDecision == iamtypes.PolicyEvaluationDecisionTypeImplicitDeny:
			missing = append(missing, action)
		case results[i].EvalDecision != iamtypes.PolicyEvaluationDecisionTypeAllowed:
			denied = append(denied, action)
		}
	}
	state, why := findingMissing, ""
	if n.optional != "" {
		state, why = findingNote, ", "+n.optional
	}
	switch {
	case len(denied) > 0:
		e.add(n.check, state, "remove the statement with Effect Deny from a policy, or the permissions boundary, of role "+role,
			"%s may not %s on %s: a policy denies it%s", role, strings.Join(denied, ", "), n.granted, why)
	case len(missing) > 0:
		e.add(n.check, state, e.command("iam put-role-policy --role-name %s --policy-name %s --policy-document '%s'",
			role, n.policy, policyOf(n.actions, n.granted)),
			"%s may not %s on %s%s", role, strings.Join(missing, ", "), n.granted, why)
	default:
		e.add(n.check, findingOK, "", "%s may %s", role, strings.Join(n.actions, ", "))
	}
}

// policyOf returns a policy that allows actions.
func policyOf(actions []string, resource string) string {
	type statement struct {
		Effect   string   `json:"Effect"`
		Action   []string `json:"Action"`
		Resource string   `json:"Resource"`
	}
	text, err := json.Marshal(struct {
		Version   string      `json:"Version"`
		Statement []statement `json:"Statement"`
	}{"2012-10-17", []statement{{"Allow", actions, resource}}})
	if err != nil {
		return err.Error() // strings alone are always encoded
	}
	return string(text)
}

// groupName returns the name of the log group of the function.
func (e *examination) groupName() string {
	if l := e.config.LoggingConfig; l != nil && aws.ToString(l.LogGroup) != "" {
		return *l.LogGroup
	}
	return "/aws/lambda/" + e.Function
}

// groupARN returns the ARN of the log group; empty if that of the function has another form.
func (e *examination) groupARN() string {
	parts := strings.Split(e.ARN, ":")
	if len(parts) < 7 {
		return ""
	}
	return strings.Join([]string{parts[0], parts[1], "logs", parts[3], parts[4], "log-group", e.groupName()}, ":")
}

// logGroup looks at the log group, and at how long it keeps lines.
func (e *examination) logGroup(ctx context.Context) {
	const check = "log group"
	name := e.groupName()
	out, err := ask(ctx, e, func(ctx context.Context) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
		return e.lines.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &name})
	})
	if err != nil {
		e.unread(check, "logs:DescribeLogGroups", err)
		return
	}
	retention := e.command("logs put-retention-policy --log-group-name %s --retention-in-days 30", name)
	for i := range out.LogGroups { // in order: the one with the whole name is the first
		g := &out.LogGroups[i]
		switch {
		case aws.ToString(g.LogGroupName) != name:
		case g.RetentionInDays == nil:
			e.add(check, findingNote, retention, "%s keeps lines forever, which is paid for", name)
			return
		default:
			e.add(check, findingOK, "", "%s keeps lines for %s", name, view.Plural(int(*g.RetentionInDays), "day", "days"))
			return
		}
	}
	e.add(check, findingNote, e.command("logs create-log-group --log-group-name %s", name)+" && "+retention,
		"there is no %s yet: Lambda makes it at the first invocation, if the role may, and then keeps lines forever", name)
}
