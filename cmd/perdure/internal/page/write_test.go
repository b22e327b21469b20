package page_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/perdure/perdure/checkpoint"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

// TestWrite: the file has all of the execution, asks for nothing, runs its own script alone, and
// nothing in the execution ends an element of it.
func TestWrite(t *testing.T) {
	t.Parallel()
	const planted = `</script><script>alert(1)</script><!--`
	r := waiting()
	for i := range r.events {
		r.events[i].ID = i + 1
	}
	r.events[2].Result = checkpoint.TextPayload(`"` + planted + `"`)
	input := planted
	e := &page.Execution{ARN: r.arn(), Name: planted, Function: function, Status: "RUNNING", Start: begin, Input: &input}
	var b bytes.Buffer
	if err := page.Write(&b, e, r.events, nil, "this machine", at(60)); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if n := strings.Count(text, "<script"); n != 2 {
		t.Errorf("it has %d scripts, want 2", n)
	}
	if strings.Contains(text, "alert(1)</script>") || strings.Contains(text, "<!--") {
		t.Error("what was planted is read as HTML")
	}
	for _, bad := range []string{"http://", "https://", "src=", "@import", "url("} {
		if strings.Contains(text, bad) {
			t.Errorf("it asks for something: %s", bad)
		}
	}
	for _, element := range []string{`(?s)<style>(.*?)</style>`, `(?s)<script type="module">(.*?)</script>`} {
		sum := sha256.Sum256([]byte(regexp.MustCompile(element).FindStringSubmatch(text)[1]))
		if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(text, want) {
			t.Errorf("its policy lacks %s", want)
		}
	}
	data := regexp.MustCompile(`(?s)<script type="application/json" id="perdure-execution">(.*?)</script>`).FindStringSubmatch(text)[1]
	var kept struct {
		Model struct {
			Execution struct {
				Name  string
				Input struct{ Text string }
			}
			Waiting    string
			Operations []any
		}
		Details map[string]struct{ Result struct{ Text string } }
		Events  []any
		Place   struct{ Actions []string }
	}
	if err := json.Unmarshal([]byte(data), &kept); err != nil {
		t.Fatal(err)
	}
	if m := kept.Model; m.Execution.Name != planted || m.Execution.Input.Text != planted || len(m.Operations) != 2 || len(kept.Events) != 5 ||
		kept.Details["s1"].Result.Text != `"`+planted+`"` || len(kept.Place.Actions) != 0 || m.Waiting == "" {
		t.Errorf("it has %+v", kept)
	}
}
