package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/perdure/perdure/internal/limits"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// durable looks at the DurableConfig, and reports whether there is one.
func (e *examination) durable() bool {
	c := e.config.DurableConfig
	if c == nil {
		e.add("durable", findingMissing, "make another function: "+e.command("lambda create-function … --durable-config "+
			"ExecutionTimeout=2592000,RetentionPeriodInDays=14")+"; by the documentation of AWS this one cannot be given it later",
			"the function has no DurableConfig: it cannot run executions")
		return false
	}
	text := "executions have no execution timeout in the answer"
	if c.ExecutionTimeout != nil {
		text = "executions take at most " + view.Span(seconds(c.ExecutionTimeout))
	}
	if c.RetentionPeriodInDays != nil {
		text += ", and are kept for " + view.Plural(int(*c.RetentionPeriodInDays), "day", "days")
	}
	e.add("durable", findingOK, "", "%s", text)
	return true
}

// active looks whether the function can be invoked.
func (e *examination) active() {
	c := e.config
	switch {
	case c.State == lambdatypes.StateFailed || c.LastUpdateStatus == lambdatypes.LastUpdateStatusFailed:
		reason := aws.ToString(c.StateReason)
		if c.LastUpdateStatus == lambdatypes.LastUpdateStatusFailed {
			reason = aws.ToString(c.LastUpdateStatusReason)
		}
		e.add("state", findingMissing, "deploy it again, when the reason is gone", "the last deploy has failed: %s", reason)
	case c.State != "" && c.State != lambdatypes.StateActive:
		e.add("state", findingNote, e.command("lambda wait function-active-v2 --function-name %s", e.Function),
			"%s: %s", c.State, aws.ToString(c.StateReason))
	default:
		e.add("state", findingOK, "", "active")
	}
}

// runtime looks at what runs the program.
func (e *examination) runtime() {
	c := e.config
	architectures := make([]string, len(c.Architectures))
	for i := range c.Architectures {
		architectures[i] = string(c.Architectures[i])
	}
	on := ""
	if len(architectures) > 0 {
		on = " on " + strings.Join(architectures, ", ")
	}
	switch {
	case c.PackageType == lambdatypes.PackageTypeImage:
		e.add("runtime", findingOK, "", "an image%s", on)
	case c.Runtime == lambdatypes.RuntimeProvidedal2023:
		e.add("runtime", findingOK, "", "%s%s", c.Runtime, on)
	case c.Runtime == lambdatypes.RuntimeProvidedal2:
		e.add("runtime", findingNote, e.configure("--runtime provided.al2023"), "%s%s is older than provided.al2023", c.Runtime, on)
	default:
		e.add("runtime", findingMissing, e.configure("--runtime provided.al2023 --handler bootstrap"),
			"%s: a Go program runs on provided.al2023, as an executable named bootstrap", c.Runtime)
	}
}

// past is what the last executions say of a function.
type past struct {
	histories int   // that were read
	err       error // why no more were
	longest   time.Duration
	body, of  string // whose that was
	timedOut  int    // invocations that were cut off by the timeout
	killed    int    // invocations that had no memory
	targets   []string
}

// read reads the histories of the last executions.
func (p *past) read(ctx context.Context, e *examination, most int) {
	if most == 0 {
		return
	}
	found, _, err := e.executions(ctx, e.Function, selection{limit: most})
	p.err = err
	for i := range found {
		events, err := e.events(ctx, aws.ToString(found[i].DurableExecutionArn), 0)
		if is[notFoundError](err) {
			continue // deleted meanwhile
		}
		if err != nil {
			p.err = err
			return
		}
		p.histories++
		p.add(view.Read(events), aws.ToString(found[i].DurableExecutionName), e.Now())
	}
}

// add takes in the history of an execution.
func (p *past) add(h *view.History, name string, now time.Time) {
	for _, o := range h.All {
		if o.Function != "" && !slices.Contains(p.targets, o.Function) {
			p.targets = append(p.targets, o.Function)
		}
		for _, b := range o.Bars {
			if b.Kind != view.BarAttempt {
				continue
			}
			end := b.End
			switch {
			case end.IsZero() && o.Running:
				end = now
			case end.IsZero():
				continue
			}
			if d := end.Sub(b.Start); d > p.longest {
				p.longest, p.body, p.of = d, o.Label(), name
			}
		}
	}
	for i := range h.Ended {
		text := view.InvocationFailure(h.Ended[i].Failure)
		switch {
		case strings.Contains(text, "Timedout") || strings.Contains(text, "timed out"):
			p.timedOut++
		case strings.Contains(text, "OutOfMemory") || strings.Contains(text, "signal: killed"):
			p.killed++
		}
	}
}

// mostTimeout is the most that Lambda takes.
const mostTimeout = limits.FunctionTimeout

// timeout looks whether the longest body has time enough.
func (e *examination) timeout(histories int) {
	p, has := &e.past, seconds(e.config.Timeout)
	seen := "the longest body of the last " + view.Plural(p.histories, "execution", "executions") + " took " + view.Span(p.longest)
	if p.body != "" {
		seen += " (" + p.body + " of " + p.of + ")"
	}
	next := min(mostTimeout, max(2*has, (2*p.longest).Truncate(time.Second)))
	mend := e.configure(fmt.Sprintf("--timeout %d", int(next.Seconds())))
	if has >= mostTimeout {
		mend = "divide the body into steps: Lambda has no longer timeout"
	}
	switch {
	case p.timedOut > 0:
		e.add("timeout", findingMissing, mend, "%s; it has cut off %s, and %s; more time helps a body that is slow, not one that hangs",
			view.Span(has), view.Plural(p.timedOut, "invocation", "invocations"), seen)
	case p.longest > has*8/10 && has > 0:
		e.add("timeout", findingMissing, mend, "%s; %s", view.Span(has), seen)
	case p.histories > 0:
		e.add("timeout", findingOK, "", "%s; %s", view.Span(has), seen)
	case e.config.DurableConfig == nil || histories == 0 || p.err != nil:
		e.add("timeout", findingNote, "compare it with your longest body; waits do not count", "%s; no execution was looked at", view.Span(has))
	default:
		e.add("timeout", findingNote, "compare it with your longest body; waits do not count", "%s; there are no executions yet", view.Span(has))
	}
	if p.err != nil {
		e.unread("executions", "lambda:ListDurableExecutionsByFunction and lambda:GetDurableExecutionHistory", p.err)
	}
}

// littleMemory is what leaves a Go program little beside a long log.
const littleMemory = 256

// memory looks at the memory.
func (e *examination) memory() {
	has := aws.ToInt32(e.config.MemorySize)
	next := max(littleMemory, 2*has)
	mend := e.configure(fmt.Sprintf("--memory-size %d", next))
	switch {
	case e.past.killed > 0:
		e.add("memory", findingMissing, mend, "%d MB; %s had no memory left", has, view.Plural(e.past.killed, "invocation", "invocations"))
	case has < littleMemory:
		e.add("memory", findingNote, mend, "%d MB; logs are held in memory, and the share of a processor is %d/1769", has, has)
	default:
		e.add("memory", findingOK, "", "%d MB", has)
	}
}

// concurrency looks whether the function may run at all.
func (e *examination) concurrency(c *lambdatypes.Concurrency) {
	switch {
	case c == nil || c.ReservedConcurrentExecutions == nil:
		e.add("concurrency", findingOK, "", "that of the account; none is reserved")
	case *c.ReservedConcurrentExecutions == 0:
		e.add("concurrency", findingMissing, e.command("lambda delete-function-concurrency --function-name %s", e.Function),
			"reserved concurrency is 0: nothing of it is invoked, and executions wait")
	default:
		e.add("concurrency", findingOK, "", "%d reserved", *c.ReservedConcurrentExecutions)
	}
}

// published looks whether executions can be started on a version that no deploy changes.
func (e *examination) published(ctx context.Context) {
	const check = "version"
	aliases, err := ask(ctx, e, func(ctx context.Context) (*lambdaapi.ListAliasesOutput, error) {
		return e.api.ListAliases(ctx, &lambdaapi.ListAliasesInput{FunctionName: &e.Function})
	})
	if err != nil {
		e.unread(check, "lambda:ListAliases", err)
		return
	}
	if len(aliases.Aliases) > 0 {
		var names []string
		for i := range aliases.Aliases {
			al := &aliases.Aliases[i]
			names = append(names, aws.ToString(al.Name)+" is version "+aws.ToString(al.FunctionVersion))
		}
		e.add(check, findingOK, "", "%s", strings.Join(names, ", "))
		return
	}
	last, err := e.lastVersion(ctx)
	if err != nil {
		e.unread(check, "lambda:ListVersionsByFunction", err)
		return
	}
	if last == "$LATEST" {
		published := e.command("lambda publish-version --function-name %s --query Version --output text", e.Function)
		e.add(check, findingMissing, e.command(`lambda create-alias --function-name %s --name live --function-version "$(%s)"`, e.Function, published),
			"no version is published: executions run on $LATEST, and see the code of each deploy")
		return
	}
	e.add(check, findingNote, e.command("lambda create-alias --function-name %s --name live --function-version %s", e.Function, last),
		"version %s is published, and no alias: starts have to name the version", last)
}

// lastVersion returns the last version that is published, or $LATEST.
func (e *examination) lastVersion(ctx context.Context) (last string, err error) {
	last = "$LATEST"
	pages := lambdaapi.NewListVersionsByFunctionPaginator(e.api, &lambdaapi.ListVersionsByFunctionInput{FunctionName: &e.Function})
	for pages.HasMorePages() {
		out, err := ask(ctx, e, func(ctx context.Context) (*lambdaapi.ListVersionsByFunctionOutput, error) {
			return pages.NextPage(ctx)
		})
		if err != nil {
			return "", err
		}
		for i := range out.Versions {
			last = aws.ToString(out.Versions[i].Version) // they come in order
		}
	}
	return last, nil
}

// network looks at how checkpoints reach the service.
func (e *examination) network() {
	const check = "network"
	if env := e.config.Environment; env != nil {
		for _, key := range []string{"AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL"} {
			to, ok := env.Variables[key]
			if u, err := url.Parse(to); ok && err == nil {
				e.add(check, findingNote, "remove "+key+" from its environment, unless this is an endpoint of your VPC",
					"checkpoints go to %s, as %s says", u.Host, key)
			}
		}
	}
	vpc := e.config.VpcConfig
	if vpc == nil || len(vpc.SubnetIds) == 0 {
		e.add(check, findingOK, "", "in no VPC")
		return
	}
	e.add(check, findingNote, e.command("ec2 create-vpc-endpoint --vpc-endpoint-type Interface --vpc-id %s --service-name com.amazonaws.%s.lambda "+
		"--subnet-ids %s --security-group-ids %s", aws.ToString(vpc.VpcId), e.region, strings.Join(vpc.SubnetIds, " "),
		strings.Join(vpc.SecurityGroupIds, " ")),
		"in %s: checkpoints need a way to the Lambda API, a NAT gateway or an endpoint; which it has is not read", aws.ToString(vpc.VpcId))
}

// recursion looks whether a chain of executions is cut.
func (e *examination) recursion(ctx context.Context) {
	const check = "recursion"
	out, err := ask(ctx, e, func(ctx context.Context) (*lambdaapi.GetFunctionRecursionConfigOutput, error) {
		return e.api.GetFunctionRecursionConfig(ctx, &lambdaapi.GetFunctionRecursionConfigInput{FunctionName: &e.Function})
	})
	switch {
	case err != nil:
		e.unread(check, "lambda:GetFunctionRecursionConfig", err)
	case out.RecursiveLoop == lambdatypes.RecursiveLoopAllow:
		e.add(check, findingOK, "", "the function may start itself without an end: RecursiveLoop is Allow")
	default:
		e.add(check, findingNote, e.command("lambda put-function-recursion-config --function-name %s --recursive-loop Allow", e.Function),
			"Lambda stops a function that starts itself after about 16 times; for replay.ContinueAsNew allow it")
	}
}
