package page

import (
	"io/fs"
	"testing"
)

// Assets returns the files of the page.
func Assets(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	names, err := fs.Glob(assets(), "*")
	if err != nil || len(names) < 10 {
		t.Fatalf("the assets are %v: %v", names, err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(assets(), name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(text)
	}
	return all
}
