package conformance_test

import (
	"strings"
	"testing"

	"github.com/perdure/perdure/replay/conformance"
)

// read reads a requirement and makes its variables.
func read(t *testing.T, text string) (*conformance.Requirement, *conformance.Vars) {
	t.Helper()
	q, err := conformance.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	vars, err := conformance.NewVars(q.Variables, seed)
	if err != nil {
		t.Fatal(err)
	}
	return q, vars
}

// history reads events, one JSON object a line.
func history(t *testing.T, text string) []conformance.Object {
	t.Helper()
	var all []conformance.Object
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		e, err := conformance.ReadObject([]byte(line))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, e)
	}
	return all
}

// expect checks that there is one problem with a part want, or none if want is empty.
func expect(t *testing.T, want string, problems []string) {
	t.Helper()
	switch {
	case want == "" && len(problems) > 0:
		t.Errorf("want no problem, got %q", problems)
	case want != "" && (len(problems) != 1 || !strings.Contains(problems[0], want)):
		t.Errorf("want one problem with %q, got %q", want, problems)
	}
}
