package view_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// inserted is the reason of a pause as the engine writes it.
const inserted = `replay: the execution diverged in the handler: an operation was inserted; checkpointed STEP Step "charge-card" ` +
	`(SUCCEEDED, ID charge-card-0748d7a5326c-f73875645a23490b), WAIT Wait "cool-off" (SUCCEEDED, ID cool-off-0748d7a5326c-1626707e3685df0a), ` +
	`current code STEP Step at "check-fraud"; declare the change (docs/changing-code.md): op.Step("check-fraud", …).Was("charge-card") ` +
	`if that was its name; the execution is held, and goes on as soon as code is deployed that fits what is checkpointed; ` +
	`if no other code was deployed, the handler is not deterministic: what it declares`

// before returns what stands before a mark.
func before(text, mark string) string {
	text, _, _ = strings.Cut(text, mark)
	return text
}

// TestWhy: what the reason of a pause says, in a line, and in lines of which each is one thing.
func TestWhy(t *testing.T) {
	t.Parallel()
	const fits = "  do this   deploy code that fits the log, such as the code that began it"
	tests := []struct {
		reason, text, line string
		lines              []string
	}{
		{"a person's", "the last deploy is broken", "the last deploy is broken", []string{"the last deploy is broken"}},
		{
			"a divergence", inserted,
			`the code is not the code that wrote the log: recorded Step "charge-card" (SUCCEEDED), Wait "cool-off" (SUCCEEDED); the code has Step "check-fraud"`,
			[]string{
				"the code is not the code that wrote the log: an operation was inserted",
				`  recorded  Step "charge-card" (SUCCEEDED), Wait "cool-off" (SUCCEEDED)`,
				`  code now  Step "check-fraud"`,
				fits + `; or declare the change: op.Step("check-fraud", …).Was("charge-card") if that was its name`,
			},
		},
		{
			"in a group whose path has what separates", strings.Replace(inserted, "the handler", `"a: b"`, 1),
			`the code is not the code that wrote the log: recorded Step "charge-card" (SUCCEEDED), Wait "cool-off" (SUCCEEDED); the code has Step "check-fraud"`,
			[]string{
				"the code is not the code that wrote the log: an operation was inserted",
				`  recorded  Step "charge-card" (SUCCEEDED), Wait "cool-off" (SUCCEEDED)`,
				`  code now  Step "check-fraud"`,
				fits + `; or declare the change: op.Step("check-fraud", …).Was("charge-card") if that was its name`,
			},
		},
		{
			"cut off where the service cuts reasons off", before(inserted, " at \"check") + "…",
			`the code is not the code that wrote the log: recorded Step "charge-card" (SUCCEEDED), Wait "cool-off" (SUCCEEDED); the code has STEP Step…`,
			[]string{
				"the code is not the code that wrote the log: an operation was inserted",
				`  recorded  Step "charge-card" (SUCCEEDED), Wait "cool-off" (SUCCEEDED)`, `  code now  STEP Step…`, fits,
			},
		},
		{
			"without the two sides", `replay: the execution diverged: STEP "charge" was removed`,
			`the code is not the code that wrote the log: STEP "charge" was removed`,
			[]string{`the code is not the code that wrote the log: STEP "charge" was removed`, fits},
		},
		{
			"errors pass a codec", "the execution diverged; the log of the function says where", "the execution diverged; the log of the function says where",
			[]string{"the execution diverged; the log of the function says where"},
		},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.line, view.Why(tt.text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
		if diff := cmp.Diff(tt.lines, view.WhyInLines(tt.text)); diff != "" {
			t.Errorf("%s, in lines (-want +got):\n%s", tt.reason, diff)
		}
	}
}

// TestQuoted: a shell gives the program the word as it stands.
func TestQuoted(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"A-1": "A-1", "YXJu/a+b==": "YXJu/a+b==", "": "''",
		"arn:aws:lambda:us-east-1:123456789012:function:order:7/durable-execution/A-1/6c9f": "arn:aws:lambda:us-east-1:123456789012:function:order:7/durable-execution/A-1/6c9f",
		"function:order:$LATEST/durable-execution/A-1":                                      "'function:order:$LATEST/durable-execution/A-1'",
		"it's": `'it'\''s'`, "a b": "'a b'",
	} {
		if got := view.Quoted(word); got != want {
			t.Errorf("%q is quoted as %s, want %s", word, got, want)
		}
	}
}
