package view

import (
	"regexp"
	"strconv"
	"strings"
)

// Divergence is what the reason of a pause says of code that is not the code that wrote the log.
type Divergence struct {
	// Reason is what does not fit, Log what was recorded, Code what the code has there, Declare
	// what declares the change; empty for what the reason does not say.
	Reason, Log, Code, Declare string
}

// divergedPrefix begins the text of a replay.DivergedError.
const divergedPrefix = "replay: the execution diverged"

// DivergenceOf reads the text of a replay.DivergedError, which is the reason of the pause if
// replay.WithDivergence holds the execution. ok is false for any other reason.
func DivergenceOf(reason string) (d Divergence, ok bool) {
	text, ok := strings.CutPrefix(reason, divergedPrefix)
	if !ok {
		return d, false
	}
	if scope, in := strings.CutPrefix(text, " in "); in {
		if quoted, err := strconv.QuotedPrefix(scope); err == nil { // a path may have a colon
			text = scope[len(quoted):]
		}
	}
	_, text, _ = strings.Cut(text, ": ")
	d.Reason, text = upTo(text, "; checkpointed ", "; declare the change", "; the execution is held")
	if !strings.HasPrefix(text, "; checkpointed ") {
		return d, true
	}
	log, text := upTo(strings.TrimPrefix(text, "; checkpointed "), ", current code ")
	code, text := upTo(strings.TrimPrefix(text, ", current code "), "; declare the change", "; the execution is held", "; this execution", "; if no other code")
	d.Log, d.Code = shortSide(log), shortSide(code)
	if strings.HasPrefix(text, "; declare the change") {
		_, text, _ = strings.Cut(text, ": ")
		d.Declare, _ = upTo(text, "; the execution is held", "; this execution", "; if no other code")
	}
	return d, true
}

// upTo cuts a text before the first of the marks that is in it.
func upTo(text string, marks ...string) (before, rest string) {
	at := len(text)
	for _, mark := range marks {
		if i := strings.Index(text, mark); i >= 0 {
			at = min(at, i)
		}
	}
	return text[:at], text[at:]
}

var (
	kindAndType = regexp.MustCompile(`\b[A-Z_]+ ([A-Za-z]\w*) (?:at )?"`)
	recordID    = regexp.MustCompile(`, ID [\w-]+`)
)

// shortSide leaves out of a side of a divergence what only a program reads: kinds and IDs.
func shortSide(text string) string {
	return recordID.ReplaceAllString(kindAndType.ReplaceAllString(text, `$1 "`), "")
}

// otherCode says in short what a divergence is.
const otherCode = "the code is not the code that wrote the log"

// Why returns the reason of a pause in a line: of a divergence only what was recorded, and what the
// code has there now.
func Why(reason string) string {
	d, ok := DivergenceOf(reason)
	switch {
	case !ok:
		return reason
	case d.Log == "":
		return otherCode + ": " + d.Reason
	}
	return otherCode + ": recorded " + d.Log + "; the code has " + d.Code
}

// WhyInLines returns the reason of a pause in lines: of a divergence what was recorded, what the
// code has now, and what to do.
func WhyInLines(reason string) []string {
	d, ok := DivergenceOf(reason)
	if !ok {
		return []string{reason}
	}
	lines := []string{otherCode + ": " + d.Reason}
	if d.Log != "" {
		lines = append(lines, "  recorded  "+d.Log, "  code now  "+d.Code)
	}
	do := "  do this   deploy code that fits the log, such as the code that began it"
	if d.Declare != "" {
		do += "; or declare the change: " + d.Declare
	}
	return append(lines, do)
}
