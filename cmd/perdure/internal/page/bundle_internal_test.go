package page

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestBundle: modules become functions, those that are imported first, and each once.
func TestBundle(t *testing.T) {
	t.Parallel()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	tests := []struct {
		reason string
		files  fstest.MapFS
		want   string // of the script, or of the error
	}{
		{
			"an import by name, and of all",
			fstest.MapFS{
				"main.js": file("import { a, b } from './x.js';\nimport * as y from './y.js';\na(y.c);\n"),
				"x.js":    file("import { c } from './y.js';\nexport function a() {}\nexport class b {}\n"),
				"y.js":    file("export const c = 1;\nconst d = 2;\n"),
			},
			"const module_y = (() => {\nconst c = 1;\nconst d = 2;\n\nreturn { c };\n})();\n" +
				"const module_x = (() => {\nconst { c } = module_y;\nfunction a() {}\nclass b {}\n\nreturn { a, b };\n})();\n" +
				"const module_main = (() => {\nconst { a, b } = module_x;\nconst y = module_y;\na(y.c);\n\nreturn {  };\n})();\n",
		},
		{"a circle", fstest.MapFS{
			"main.js": file("import { a } from './x.js';\n"), "x.js": file("import { b } from './main.js';\n"),
		}, "main.js imports itself, through main, x"},
		{"another form of import", fstest.MapFS{"main.js": file("import a from './x.js';\n")}, "main has an import or export that is not understood: import a from './x.js';\n"},
		{"a file that there is not", fstest.MapFS{"main.js": file("import { a } from './x.js';\n")}, "open x.js: file does not exist"},
	}
	for _, tt := range tests {
		got, err := bundle(tt.files, "main")
		text := string(got)
		if err != nil {
			text = err.Error()
		}
		if text != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.reason, text, tt.want)
		}
	}
	if text, err := script(); err != nil || !strings.Contains(string(text), "module_execution") {
		t.Errorf("the scripts of the page: %v", err)
	}
}
