package docs_test

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// document is one Markdown file, cut into what the tests look at.
type document struct {
	name   string
	blocks []block
	links  []link
}

// block is a fenced code block, or the hidden Go of an HTML comment.
type block struct {
	info string // the word after the fence: go, sh, json, …
	line int    // of the first line of text
	text string
	// quotes is the file, as seen from the folder of the document, whose lines the block shows;
	// empty if it stands for itself.
	quotes string
}

type link struct {
	line   int
	target string
}

var (
	fence      = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})(.*)$")
	codeSpan   = regexp.MustCompile("`[^`]*`")
	linkTarget = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	quote      = regexp.MustCompile(`^<!-- quote (\S+) -->$`)

	heading     = regexp.MustCompile(`^#{1,6} +(.*)`)
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

const (
	hiddenOpen  = "<!-- go"
	hiddenClose = "-->"
)

// readDocuments returns README.md, AGENTS.md and every Markdown file below docs.
func readDocuments(tree fs.FS) ([]document, []string, error) {
	return readNamed(tree, "README.md", "AGENTS.md")
}

// readAll returns what readDocuments does, and the pages for those who work on the project, whose
// code is not compiled.
func readAll(tree fs.FS) ([]document, error) {
	names, err := fs.Glob(tree, "*.md")
	if err != nil {
		return nil, err
	}
	docs, _, err := readNamed(tree, names...)
	return docs, err
}

func readNamed(tree fs.FS, names ...string) ([]document, []string, error) {
	err := fs.WalkDir(tree, "docs", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(name) == ".md" {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	var docs []document
	var problems []string
	for _, name := range names {
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, nil, err
		}
		doc, bad := parseDocument(name, string(text))
		docs = append(docs, doc)
		problems = append(problems, bad...)
	}
	return docs, problems, nil
}

// parseDocument finds the blocks and links of one Markdown text. A fence whose
// info string says more than one word is a problem: there is no way to exempt
// a block from the compiler, but to quote a file that is compiled.
func parseDocument(name, text string) (document, []string) {
	doc := document{name: name}
	var problems []string
	var open *block
	var closing func(line string) bool
	quotes := "" // what the next block quotes
	for i, line := range strings.Split(text, "\n") {
		number := i + 1
		if open != nil {
			if closing(line) {
				doc.blocks = append(doc.blocks, *open)
				open = nil
			} else {
				open.text += line + "\n"
			}
			continue
		}
		if strings.TrimSpace(line) == hiddenOpen {
			open = &block{info: "go", line: number + 1}
			closing = func(line string) bool { return strings.TrimSpace(line) == hiddenClose }
			continue
		}
		if m := fence.FindStringSubmatch(line); m != nil {
			info := strings.TrimSpace(m[2])
			if words := strings.Fields(info); len(words) > 1 {
				problems = append(problems, fmt.Sprintf("%s:%d: code fence says %q; only the language may stand there, every Go block is compiled", name, number, info))
			}
			open = &block{info: info, line: number + 1, quotes: quotes}
			quotes = ""
			closing = func(line string) bool {
				end := strings.TrimSpace(line)
				return strings.HasPrefix(end, m[1]) && strings.Trim(end, m[1][:1]) == ""
			}
			continue
		}
		if m := quote.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			quotes = m[1]
			continue
		}
		if quotes != "" {
			problems = append(problems, fmt.Sprintf("%s:%d: a code block that quotes %s is to follow the comment", name, number, quotes))
			quotes = ""
		}
		for _, m := range linkTarget.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, ""), -1) {
			doc.links = append(doc.links, link{line: number, target: m[1]})
		}
	}
	if open != nil {
		problems = append(problems, fmt.Sprintf("%s:%d: code block is not closed", name, open.line-1))
	}
	return doc, problems
}

// checkLinks reports links to files, and to headings in them, that do not exist.
func checkLinks(tree fs.FS, doc document) []string {
	var problems []string
	for _, l := range doc.links {
		target, heading, _ := strings.Cut(l.target, "#")
		if strings.Contains(target, ":") {
			continue
		}
		name := path.Join(path.Dir(doc.name), target)
		if target == "" {
			name = doc.name
		}
		text, err := fs.ReadFile(tree, name)
		switch {
		case err != nil && !isFolder(tree, name):
			problems = append(problems, fmt.Sprintf("%s:%d: link to %s, which does not exist", doc.name, l.line, l.target))
		case heading != "" && path.Ext(name) == ".md" && !slices.Contains(anchors(string(text)), heading):
			problems = append(problems, fmt.Sprintf("%s:%d: link to %s, but %s has no such heading", doc.name, l.line, l.target, name))
		}
	}
	return problems
}

// checkQuotes reports blocks that show other lines than the file they quote. A line of three dots,
// which may be a comment, stands for lines that are left out.
func checkQuotes(tree fs.FS, doc document) []string {
	var problems []string
	for _, b := range doc.blocks {
		if b.quotes == "" {
			continue
		}
		text, err := fs.ReadFile(tree, path.Join(path.Dir(doc.name), b.quotes))
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s:%d: %v", doc.name, b.line, err))
			continue
		}
		rest := "\n" + string(text)
		for _, part := range leftOut.Split(b.text, -1) {
			_, after, found := strings.Cut(rest, "\n"+part)
			if !found {
				first, _, _ := strings.Cut(part, "\n")
				problems = append(problems, fmt.Sprintf("%s:%d: %s does not have these lines in this order, from %q on", doc.name, b.line, b.quotes, first))
				break
			}
			rest = "\n" + after
		}
	}
	return problems
}

var leftOut = regexp.MustCompile(`(?m)^[ \t]*(?:// )?…\n`)

func isFolder(tree fs.FS, name string) bool {
	info, err := fs.Stat(tree, name)
	return err == nil && info.IsDir()
}

// anchors are the names by which GitHub finds the headings of a Markdown text.
func anchors(text string) []string {
	var all []string
	seen := map[string]int{}
	code := false
	for line := range strings.Lines(text) {
		if fence.MatchString(strings.TrimSuffix(line, "\n")) {
			code = !code
		}
		m := heading.FindStringSubmatch(line)
		if code || m == nil {
			continue
		}
		name := strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(m[1])), ""), " ", "-")
		n := seen[name]
		seen[name]++
		if n > 0 {
			name = fmt.Sprintf("%s-%d", name, n)
		}
		all = append(all, name)
	}
	return all
}

// checkCommands reports go commands in shell blocks that name a folder that
// does not exist.
func checkCommands(tree fs.FS, doc document) []string {
	var problems []string
	for _, b := range doc.blocks {
		if b.info != "sh" {
			continue
		}
		for i, line := range strings.Split(b.text, "\n") {
			words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "$ "))
			if len(words) < 2 || words[0] != "go" || !slices.Contains([]string{"run", "test", "build", "vet"}, words[1]) {
				continue
			}
			for _, w := range words[2:] {
				dir, local := strings.CutPrefix(w, "./")
				if !local {
					continue
				}
				dir = strings.TrimSuffix(strings.TrimSuffix(dir, "..."), "/")
				if _, err := fs.Stat(tree, path.Clean("./"+dir)); err != nil {
					problems = append(problems, fmt.Sprintf("%s:%d: %s names %s, which does not exist", doc.name, b.line+i, strings.Join(words[:2], " "), w))
				}
			}
		}
	}
	return problems
}
