package page

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// The scripts of the page are modules, one a file. They are served as one, since a browser asks for
// each of them by itself, and since a page that was saved has them in itself: each becomes a
// function that returns what it exports.

var (
	importLine = regexp.MustCompile(`(?m)^import \{([^}]*)\} from '\./([a-z]+)\.js';\n|^import \* as ([a-z]+) from '\./([a-z]+)\.js';\n`)
	exportLine = regexp.MustCompile(`(?m)^export ((?:async )?(?:function|class|const) ([A-Za-z]+))`)
)

// script returns the scripts of the page as one.
var script = sync.OnceValues(func() ([]byte, error) { return bundle(assets(), "main") }) //nolint:gochecknoglobals // made once

// bundle returns a module with those that it imports, first of all those that import nothing.
func bundle(files fs.FS, name string) ([]byte, error) {
	var out strings.Builder
	done := make(map[string]bool)
	var add func(name string, around []string) error
	add = func(name string, around []string) error {
		if done[name] {
			return nil
		}
		if slices.Contains(around, name) {
			return fmt.Errorf("%s.js imports itself, through %s", name, strings.Join(around, ", "))
		}
		source, err := fs.ReadFile(files, name+".js")
		if err != nil {
			return err
		}
		text := string(source)
		for _, m := range importLine.FindAllStringSubmatch(text, -1) {
			if err := add(m[2]+m[4], append(around, name)); err != nil {
				return err
			}
		}
		text = importLine.ReplaceAllStringFunc(text, func(line string) string {
			m := importLine.FindStringSubmatch(line)
			if m[3] != "" {
				return fmt.Sprintf("const %s = module_%s;\n", m[3], m[4])
			}
			return fmt.Sprintf("const {%s} = module_%s;\n", m[1], m[2])
		})
		var exported []string
		for _, m := range exportLine.FindAllStringSubmatch(text, -1) {
			exported = append(exported, m[2])
		}
		text = exportLine.ReplaceAllString(text, "$1")
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "export ") {
				return fmt.Errorf("%s has an import or export that is not understood: %s", path.Base(name), line)
			}
		}
		done[name] = true
		fmt.Fprintf(&out, "const module_%s = (() => {\n%s\nreturn { %s };\n})();\n", name, text, strings.Join(exported, ", "))
		return nil
	}
	err := add(name, nil)
	return []byte(out.String()), err
}
