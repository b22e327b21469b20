package cli_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestShowHasBothNames: what an execution ends under an older name is shown with that and with the
// one that the code has today, by perdure show in each of its forms, by the page, and by perdure
// compat; who began under the code of today has its names alone.
func TestShowHasBothNames(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a function several times")
	}
	w := newWorkshop(t)
	p, endpoint := w.dev()
	start := func(name string) {
		t.Helper()
		if got := w.run(endpoint, "start", "greet", `"world"`, "--name", name); got.code != 0 {
			t.Fatalf("%+v", got)
		}
		w.waiting(endpoint, name)
	}
	start("A-1")
	show := func(name string, args ...string) string {
		t.Helper()
		got := w.run(endpoint, append([]string{"show", name, "-f", "greet"}, args...)...)
		if got.code != 0 {
			t.Fatalf("%+v", got)
		}
		return got.out
	}
	if text := show("A-1"); strings.Contains(text, "now") {
		t.Errorf("code that was not changed: %s", text)
	}

	renamed := strings.ReplaceAll(strings.ReplaceAll(greeter, "VERSION", "two"), `"first", func`, `"hello", func`)
	renamed = strings.Replace(renamed, `return "two", nil
	}))`, `return "two", nil
	}).Was("first"))`, 1)
	w.write("greet/main.go", renamed)
	p.await(`^perdure:   A-1 fits: .*op\.Replaces at "first" takes the old side: "first"$`)
	start("B-1")
	if text := show("A-1"); !regexp.MustCompile(`(?m)^├─ first \(now hello\)  step +SUCCEEDED`).MatchString(text) {
		t.Errorf("an execution that began under other code: %s", text)
	}
	if text := show("B-1"); strings.Contains(text, "first") || !strings.Contains(text, "hello  step") {
		t.Errorf("an execution that began under this code: %s", text)
	}
	for _, form := range []string{"mermaid", "dot", "html"} {
		if text := show("A-1", "-o", form); !strings.Contains(text, "first (now hello)") {
			t.Errorf("-o %s has not both names: %s", form, text)
		}
	}
	if text := show("A-1", "--timeline"); !strings.Contains(text, "first (now hello)") {
		t.Errorf("--timeline has not both names: %s", text)
	}
	var shown struct {
		Operations []struct{ Name, Now string }
	}
	if err := json.Unmarshal([]byte(show("A-1", "-o", "json")), &shown); err != nil || shown.Operations[0].Name != "first" || shown.Operations[0].Now != "hello" {
		t.Errorf("in JSON: %+v, %v", shown, err)
	}
	if text := w.model(endpoint, "A-1"); !strings.Contains(text, `"name":"first (now hello)"`) {
		t.Errorf("the page has not both names: %s", text)
	}
	got := w.run(endpoint, "compat", "./greet")
	if want := "all 2 running executions of greet fit\n  1 × op.Replaces at \"first\" takes the old side: \"first\"\n      A-1\n"; got.out != want {
		t.Errorf("compat: %+v, want %s", got, want)
	}

	w.write("next/main.go", strings.Replace(renamed, `"hello", func`, `"good-day", func`, 1))
	if text := show("A-1", "--code", "greet=./next"); !strings.Contains(text, "first (now good-day)") {
		t.Errorf("the code of a folder: %s", text)
	}
	w.write("next/main.go", strings.ReplaceAll(guarded(inserted), "one", "three"))
	if got := w.run(endpoint, "show", "A-1", "-f", "greet", "--code", "greet=./next"); got.code != 0 ||
		!strings.Contains(got.err, "the code of next does not fit the execution: perdure compat greet=./next says why\n") {
		t.Errorf("code that does not fit: %+v", got)
	}
	w.write("next/main.go", "package main")
	if got := w.run(endpoint, "show", "A-1", "-f", "greet", "--code", "greet=./next"); got.code != 0 ||
		!strings.Contains(got.err, "what greet=./next calls the operations is not known: build greet: ") || !strings.Contains(got.out, "first") {
		t.Errorf("code that cannot be built: %+v", got)
	}
	p.end(os.Interrupt)
}

// model is what the page of perdure dev is sent of an execution.
func (w *workshop) model(endpoint, name string) string {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	get := func(path string) string {
		res, err := client.Get(endpoint + path) //nolint:noctx // it has a timeout
		if err != nil {
			w.t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			w.t.Fatalf("%s: %s %s %v", path, res.Status, text, err)
		}
		return string(text)
	}
	get("/")
	arn := regexp.MustCompile(`"arn":"([^"]*/` + name + `/[^"]*)"`).FindStringSubmatch(get("/ui/executions"))
	if arn == nil {
		w.t.Fatalf("the page does not list %s", name)
	}
	return get("/ui/execution?arn=" + url.QueryEscape(arn[1]))
}
