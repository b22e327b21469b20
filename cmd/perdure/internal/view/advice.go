package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/limits"
)

// longBody is how long a body may run before someone asks whether it hangs, longWait how long a
// wait may be before someone asks whether it is meant.
const (
	longBody = time.Minute
	longWait = 30 * 24 * time.Hour
	// manyAttempts is how often a step fails before someone asks whether any attempt can go well.
	manyAttempts = 5
)

// Advice says what can be done about an execution that has failed, that is held, or that does not
// go on by itself soon; it is empty for one that needs nothing. failure is why it has ended.
func (h *History) Advice(now time.Time, failure *checkpoint.Failure) string {
	switch {
	case !h.End.IsZero():
		return h.afterFailure(failure)
	case h.Paused != nil && diverged(h.Paused):
		return fitCode(h.Paused.Reason)
	case h.Paused != nil && h.Charged > 0:
		return whilePaused(h.Last)
	case h.Paused != nil:
		return resumeIt
	case h.Charged > 0 && h.Bodies(now) == "":
		return whileFailing(h.Last)
	}
	return h.whileWaiting(now)
}

// Hint is [History.Advice] for those who have read what [History.WaitingFor] says, with its
// commands: it is empty where that has said it.
func (h *History) Hint(now time.Time, failure *checkpoint.Failure) string {
	if h.End.IsZero() && h.Paused != nil && diverged(h.Paused) {
		return fitIt
	}
	switch text := h.Advice(now, failure); text {
	case answerIt:
		return ""
	default:
		return text
	}
}

const (
	fitIt    = "Deploy the former code, or declare the change; then resume it: before that a resume pauses it again."
	resumeIt = "Resume it when the reason is gone."
	// ifItHangs is about a body that has run for long, before its invocation is cut off.
	ifItHangs = "If it hangs: its invocation is cut off by its time-out, which begins the body again, and nine of those in a row end the execution. " +
		"Pause it meanwhile: `perdure pause EXECUTION`. Ask what the body calls whether its effect has happened. Then give the body a deadline that is shorter: " +
		"context.WithTimeout in the body, and a call that heeds it, such as http.NewRequestWithContext or QueryContext, or a client with a time-out of its own. " +
		"op.WithTimeout does nothing for a body that does not heed its context."
	answerIt = "Complete or fail it by hand if the answer is lost, or let it time out."
)

// fitCode is what can be done about an execution that is held, because the code is not the code
// that wrote its log.
func fitCode(reason string) string {
	declare := "op.Added(…) for an operation that is new, ….Was(…) for one that was renamed, op.Removed(…) for one that is gone"
	if d, ok := DivergenceOf(reason); ok && d.Declare != "" {
		declare = d.Declare
	}
	return "Deploy the former code, or declare the change: " + declare + ". Then resume it: before that a resume pauses it again."
}

// diverged reports whether replay.WithDivergence has paused an execution.
func diverged(paused *local.Event) bool {
	return strings.HasPrefix(paused.Reason, divergedPrefix)
}

func (h *History) afterFailure(f *checkpoint.Failure) string {
	const again = "redrive it on this machine, or start one with the same input under another name (its steps run again)."
	stopped := h.ends == local.EventExecutionStopped
	switch {
	case f == nil && !stopped:
		return ""
	case f != nil && f.Type == interrupted || len(h.RepeatedByRedrive()) > 0:
		return "A step was cut off, and may have had its effect: ask what it calls, such as the payment provider, first. " +
			"If the effect is there, do the rest by hand. If it is not, redrive it on this machine, which runs the step again " +
			"under another idempotency key, or start one with the same input under another name."
	case stopped:
		return "It was stopped by hand: nothing of it has failed, and nothing was undone. " + h.ranAtTheEnd() +
			"If it is to be done after all, redrive it on this machine, or start one with the same input under another name."
	case h.Undecoded(f) != nil:
		return wrongResult(h.Undecoded(f))
	case f.Type == "PanicError" && h.PanicPlace(f) != "":
		return "Mend the code at " + h.PanicPlace(f) + ". Then " + again
	case f.Type == "PanicError":
		return "Mend the code at the first line of the stack, which the log line \"an attempt failed\" or \"the execution failed\" has, " +
			"and the record if the handler has replay.WithStackTraces. Then " + again
	case f.Type == "ResourceNotFoundException":
		return h.lostTarget() + "then " + again
	case f.Type == "TooLarge":
		return "Keep large data outside of the log, as package codec/offload does; then " + again
	case timedOut(f):
		return stuck(f) + " Then " + again
	case Poisoned(f):
		return "Start one with an input that the function can decode, under another name: a redrive has the same input, and fails again."
	case f.Type == "Execution.Timeout":
		return "See what it waited for; raise the execution timeout if it was to go on, and start it under another name."
	}
	return "Look at the operation that failed; after a fix " + again
}

// ranAtTheEnd says which body ran when the execution ended.
func (h *History) ranAtTheEnd() string {
	for _, o := range h.All {
		if o.Kind == "step" && o.Shown() == CutOff && o.Status == checkpoint.StatusStarted {
			return fmt.Sprintf("The body of step %q ran then: see whether its effect has happened. ", o.Label())
		}
	}
	return ""
}

// Poisoned reports whether an execution has failed with its input, which does not fit the function:
// another one with that input fails as well.
func Poisoned(f *checkpoint.Failure) bool {
	return f != nil && strings.HasPrefix(f.Message, "replay: the input does not fit")
}

// lostTarget says what can be done about a function that is not there: the error does not say
// whether it is the function or its alias.
func (h *History) lostTarget() string {
	for _, o := range h.All {
		if o.Kind != "invoke" || o.Failure == nil || o.Failure.Type != "ResourceNotFoundException" || o.Function == "" {
			continue
		}
		command := "`aws lambda get-function --function-name " + Quoted(o.Function) + "`"
		name, qualifier, qualified := cutQualifier(o.Function)
		if !qualified {
			return "Deploy the function " + name + ", which is not found: " + command + "; "
		}
		return fmt.Sprintf("See whether the whole function is missing, or only its alias or version %q: `aws lambda get-function --function-name %s`. "+
			"Deploy the function, or make the alias: `aws lambda create-alias --function-name %s --name %s --function-version VERSION`; ",
			qualifier, Quoted(name), Quoted(name), Quoted(qualifier))
	}
	return "Deploy the function that was called under that name and qualifier; "
}

// cutQualifier separates the qualifier of a function from its name, or from the ARN without it.
func cutQualifier(function string) (name, qualifier string, ok bool) {
	before, last := "", function
	if i := strings.LastIndex(function, "function:"); i >= 0 {
		before, last = function[:i+len("function:")], function[i+len("function:"):]
	}
	name, qualifier, ok = strings.Cut(last, ":")
	return before + name, qualifier, ok
}

// stuck is what can be done about a body that an invocation's time-out cuts off. One that hangs
// hangs for longer if the timeout is raised, so that comes last, and only if it can be raised.
func stuck(f *checkpoint.Failure) string {
	text := "A body hangs, or takes longer than an invocation may. The log line \"the invocation's time is nearly over\" " +
		"of each invocation says in which line it is. The same line each time is a body that hangs there, so mend that line, unless it is " +
		"the pause of a loop that gets on. Different lines are a body that is only slow: cut it into steps, or make it faster"
	after := timedOutAfter(f)
	if after > 0 && after < limits.FunctionTimeout {
		return text + ", or raise the timeout of the function, which is at most " + inSeconds(limits.FunctionTimeout) + "."
	}
	if after == 0 {
		return text + ", or raise the timeout of the function."
	}
	return text + ". Its timeout cannot be raised: " + inSeconds(limits.FunctionTimeout) + " are the most."
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%d seconds", int(d.Seconds())) }

// timedOutAfter returns the timeout that the platform has named; zero if it has not.
func timedOutAfter(f *checkpoint.Failure) time.Duration {
	_, text, _ := strings.Cut(f.Message, "timed out after ")
	var seconds float64
	if _, err := fmt.Sscanf(text, "%f seconds", &seconds); err != nil {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

func timedOut(f *checkpoint.Failure) bool {
	return strings.Contains(f.Type, "Timedout") || f.Type != "Execution.Timeout" && strings.Contains(f.Message, "Task timed out")
}

// throttled reports whether the service had no more calls or invocations for now, throttledCall
// whether that was said to a call of the function.
func throttled(f *checkpoint.Failure) bool {
	return f != nil && (strings.Contains(f.Type, "TooManyRequests") || strings.Contains(f.Type, "Throttl") || throttledCall(f))
}

func throttledCall(f *checkpoint.Failure) bool {
	return f != nil && strings.HasPrefix(f.Message, "replay: ") && strings.Contains(refusedCall.FindString(f.Message), ": 429 ")
}

// refusedName returns the name of the call that was throttled.
func refusedName(f *checkpoint.Failure) string {
	name, _, _ := strings.Cut(refusedCall.FindString(f.Message), ":")
	return name
}

func whileFailing(f *checkpoint.Failure) string {
	switch {
	case timedOut(f):
		return stuck(f) + pauseIt
	case throttledCall(f):
		return "Its calls of " + refusedName(f) + " are throttled: all executions of the account and region together make too many. Make fewer of them: " +
			"larger steps, and less at once (op.WithMaxRunning); or have the quota of that call raised, in Service Quotas under AWS Lambda. " +
			"It goes on when there are fewer." + pauseIt
	case throttled(f):
		return "The function has no concurrency left: it goes on by itself when it has. To raise it, see its own " +
			"(aws lambda get-function-concurrency --function-name FUNCTION; put-function-concurrency sets it), " +
			"and, if it has none of its own, Concurrent executions in Service Quotas under AWS Lambda."
	}
	return "The logs of the function say why. Pause the execution while it is mended: `perdure pause EXECUTION`. Then resume it."
}

// pauseIt ends advice on an execution whose invocations fail.
const pauseIt = " Pause it meanwhile, so that it does not use up its invocations: `perdure pause EXECUTION`"

// whilePaused is what can be done about an execution whose invocations have failed, and that
// someone has paused since.
func whilePaused(f *checkpoint.Failure) string {
	if !timedOut(f) && !throttled(f) {
		return "The logs of the function say why the last invocation failed. Resume it when that is mended: before that it fails again."
	}
	text, _, _ := strings.Cut(whileFailing(f), pauseIt)
	for _, goesOn := range []string{": it goes on by itself when it has", " It goes on when there are fewer."} {
		text = strings.Replace(text, goesOn, "", 1) // nothing of it goes on
	}
	return text + " Resume it then: before that it fails again."
}

// whileWaiting says what can be done about a body that runs for long, a callback that is not
// answered, and a wait that takes long.
func (h *History) whileWaiting(now time.Time) string {
	advice := ""
	for _, o := range h.All {
		switch {
		case o.Status.Terminal(), o.left():
		case o.Kind == "step" && o.Running && now.Sub(o.Began) > longBody:
			return ifItHangs
		case o.Kind == "step" && o.Failure != nil && o.Failure.Type == "PanicError":
			return whilePanicking(o)
		case o.Kind == "step" && o.Failure != nil && o.Attempts >= manyAttempts && advice == "":
			advice = fmt.Sprintf("Step %q has failed %d times, and is tried again as its policy says: mend what it calls, and an attempt goes well. "+
				"If no attempt can, stop the execution, or mend the code: each attempt counts as an operation.", o.Label(), o.Attempts)
		case o.Kind == "callback" && o.Until == nil && o.Beats == 0:
			advice = "It has no timeout and waits until someone completes or fails it. If the answer is lost, do so by hand: " +
				"a result has the type that the code says, or that an earlier answer had; do not guess, a wrong one is not always refused."
		case o.Kind == "callback" && advice == "":
			advice = answerIt
		case o.Kind == "wait" && o.Until != nil && o.Until.Sub(now) > longWait && advice == "":
			advice = "It goes on by itself. If that is not meant: AWS cannot shorten a wait, so stop it there; on this machine: " +
				"`perdure skip EXECUTION --operation " + Quoted(o.Path()) + "`"
		}
	}
	return advice
}

// whilePanicking is what can be done about a step whose body panics, before its attempts are used
// up.
func whilePanicking(o *Operation) string {
	at := "the first line of the stack, which the log line \"an attempt failed\" has"
	if place := PlaceOf(o.Failure); place != "" {
		at = place
	}
	return fmt.Sprintf("The body of step %q panics, and most likely does with each attempt: mend the code at %s. "+
		"Pause the execution meanwhile, so that it does not use up its attempts: `perdure pause EXECUTION`", o.Label(), at)
}

// For puts an execution into advice, where that has a command for it, and leaves out the marks
// around commands.
func For(advice, name, function string) string {
	return strings.ReplaceAll(Marked(advice, name, function), "`", "")
}

// Marked is [For] with commands between backquotes, for where they have lines of their own.
func Marked(advice, name, function string) string {
	return strings.ReplaceAll(advice, " EXECUTION", " "+Quoted(name)+" --function "+Quoted(function))
}
