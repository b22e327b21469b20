package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/perdure/perdure/internal/rehearsal"
)

// sources says where the files are that a program was built from: in a program the paths of files
// begin with that of the module. The zero value knows nothing.
type sources struct{ module, root string }

// sourcesOf returns where the files of a program are whose main package is in a folder; empty if it
// was not built here.
func sourcesOf(info *debug.BuildInfo, folder string) sources {
	below, ok := strings.CutPrefix(info.Path, info.Main.Path)
	root, fits := strings.CutSuffix(folder, filepath.FromSlash(below))
	if !ok || !fits || folder == "" {
		return sources{}
	}
	return sources{info.Main.Path, root}
}

// file returns a file as it is named in the folder where the command runs, if it is below that.
func (s sources) file(name string) string {
	if rest, ok := strings.CutPrefix(name, s.module+"/"); ok && s.module != "" {
		name = filepath.Join(s.root, filepath.FromSlash(rest))
	}
	here, err := os.Getwd()
	if err != nil || !filepath.IsAbs(name) {
		return name
	}
	if below, err := filepath.Rel(here, name); err == nil && filepath.IsLocal(below) {
		return below
	}
	return name
}

// locate has an answer name files as people find them.
func (s sources) locate(a *rehearsal.Answer) {
	var lines []*rehearsal.Line
	if a.Diverged != nil {
		lines = append(lines, &a.Diverged.Line)
	}
	for i := range a.Undecided {
		if d := a.Undecided[i].Diverged; d != nil {
			lines = append(lines, &d.Line)
		}
	}
	for i := range a.Warnings {
		lines = append(lines, &a.Warnings[i].Line)
	}
	for _, l := range lines {
		if l.File != "" {
			l.File = s.file(l.File)
		}
	}
}

// lineText returns "order/main.go:31"; empty for a line that is not known.
func lineText(l rehearsal.Line) string {
	if l.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", l.File, l.Line)
}

// inLine is lineText in brackets, to be put behind a text.
func inLine(l rehearsal.Line) string {
	if l.File == "" {
		return ""
	}
	return " (" + lineText(l) + ")"
}
