package opcheck

import (
	"embed"
	"fmt"
	"go/types"
	"os"
	"slices"
	"strings"
)

//go:embed summaries/*.txt
var summaries embed.FS

// Kinds of what a function does, as summaries name them. The first group are rules of their own.
const (
	clock   = "clock"
	random  = "random"
	environ = "environ"
	files   = "files"
	network = "network"
	process = "process"

	// service is a call that cannot be followed, and is given a context: with one, it calls out.
	service = "service"

	blocking   = "blocking"
	concurrent = "concurrent"
	lock       = "lock"
	unlock     = "unlock"
	once       = "once"
	mapOrder   = "maporder"
	sorting    = "sort"
	logging    = "log"
	pure       = "pure"

	later  = "later"  // its function arguments are not called before it returns
	writes = "writes" // it writes through its receiver or first argument
	reads  = "reads"  // an exception of writes
	fills  = "fills"  // it writes through the pointers that it is given
	calls  = "calls"  // what has a context calls a service
	keyed  = "keyed"  // it takes an idempotency key
)

// aspects are kinds that a function has beside what it does.
func aspects() []string { return []string{later, writes, reads, fills, calls, keyed} }

// summary says what functions do that are not analysed.
type summary struct {
	does    map[string]string          // kind by pattern
	aspects map[string]map[string]bool // patterns by aspect
	paths   map[string]bool            // roots of modules that are not analysed, and packages
}

// loadSummary reads the summaries of this package and, if the user has one, theirs: its lines win.
func loadSummary(user string) (*summary, error) {
	s := &summary{does: map[string]string{}, aspects: map[string]map[string]bool{}, paths: map[string]bool{}}
	for _, name := range []string{"std.txt", "modules.txt", "interfaces.txt", "idempotent.txt"} {
		text, err := summaries.ReadFile("summaries/" + name)
		if err != nil {
			return nil, err
		}
		if err := s.read(name, string(text), name == "modules.txt"); err != nil {
			return nil, err
		}
	}
	if user == "" {
		return s, nil
	}
	text, err := os.ReadFile(user) //nolint:gosec // the file that the user names
	if err != nil {
		return nil, fmt.Errorf("opcheck: read the summaries of -summaries: %w", err)
	}
	return s, s.read(user, string(text), true)
}

func (s *summary) read(file, text string, modules bool) error {
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		kind, patterns := fields[0], fields[1:]
		if kind == "version" {
			if len(patterns) == 0 || patterns[0] != "1" {
				return fmt.Errorf("opcheck: %s:%d: version %v: this release reads version 1", file, i+1, patterns)
			}
			continue
		}
		if !slices.Contains(kinds(), kind) {
			return fmt.Errorf("opcheck: %s:%d: kind %q: want one of %s", file, i+1, kind, strings.Join(kinds(), ", "))
		}
		for _, p := range patterns {
			s.add(kind, p, modules)
		}
	}
	return nil
}

func (s *summary) add(kind, pattern string, modules bool) {
	if slices.Contains(aspects(), kind) {
		if s.aspects[kind] == nil {
			s.aspects[kind] = map[string]bool{}
		}
		s.aspects[kind][pattern] = true
	} else {
		s.does[pattern] = kind
	}
	if kind == keyed || !modules {
		return
	}
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		s.paths[tree] = true
	} else if kind != later {
		s.paths[packageOf(pattern)] = true
	}
}

func kinds() []string {
	return append(aspects(), clock, random, environ, files, network, process, blocking, concurrent, lock, unlock, once,
		mapOrder, sorting, logging, pure)
}

// packageOf is the path of a pattern such as a.com/b.v2/c.F or a.com/c.T.M.
func packageOf(pattern string) string {
	slash := strings.LastIndexByte(pattern, '/')
	dot := strings.IndexByte(pattern[slash+1:], '.')
	if dot < 0 {
		return pattern
	}
	return pattern[:slash+1+dot]
}

// covers reports whether the package is not analysed.
func (s *summary) covers(path string) bool {
	if standard(path) || slices.Contains(apiPackages(), path) {
		return true
	}
	for p := path; p != ""; {
		if s.paths[p] {
			return true
		}
		i := strings.LastIndexByte(p, '/')
		if i < 0 {
			return false
		}
		p = p[:i]
	}
	return false
}

// of returns what the function does; "" is unknown or nothing.
func (s *summary) of(fn *types.Func) string {
	kind := ""
	match(fn, func(pattern string) bool {
		k, ok := s.does[pattern]
		kind = k
		return ok
	})
	if kind == pure && s.is(calls, fn) && takesContext(fn.Signature()) {
		return network
	}
	if kind == pure {
		return ""
	}
	return kind
}

// is reports whether the function has an aspect.
func (s *summary) is(aspect string, fn *types.Func) bool {
	patterns := s.aspects[aspect]
	return len(patterns) > 0 && match(fn, func(p string) bool { return patterns[p] })
}

// match asks for the patterns of a function, the most specific first.
func match(fn *types.Func, ask func(string) bool) bool {
	if fn == nil || fn.Pkg() == nil {
		return false
	}
	path, name := fn.Pkg().Path(), fn.Name()
	if recv := fn.Signature().Recv(); recv != nil {
		t := typeName(recv.Type())
		if ask(path+"."+t+"."+name) || ask(path+"."+t+".*") {
			return true
		}
		if standard(path) { // package.* stands for functions; of a module, for methods too
			return methodsToo(path) && ask(path+".*") || trees(path, ask)
		}
	} else if ask(path + "." + name) {
		return true
	}
	return ask(path+".*") || trees(path, ask)
}

// methodsToo are the packages of the standard library in which package.* stands for methods as
// well.
func methodsToo(path string) bool {
	return path == "sync/atomic" || path == "os/user" || path == "log/syslog"
}

func trees(path string, ask func(string) bool) bool {
	for p := path; p != ""; {
		if ask(p + "/...") {
			return true
		}
		i := strings.LastIndexByte(p, '/')
		if i < 0 {
			return false
		}
		p = p[:i]
	}
	return false
}

func takesContext(sig *types.Signature) bool {
	for p := range sig.Params().Variables() {
		if isStdContext(p.Type()) {
			return true
		}
	}
	return false
}

// standard reports whether the package belongs to the standard library.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	switch first {
	case "archive", "bufio", "builtin", "bytes", "cmp", "compress", "container", "context", "crypto", "database", "debug",
		"embed", "encoding", "errors", "expvar", "flag", "fmt", "go", "hash", "html", "image", "index", "internal", "io", "iter",
		"log", "maps", "math", "mime", "net", "os", "path", "plugin", "reflect", "regexp", "runtime", "slices", "sort",
		"strconv", "strings", "structs", "sync", "syscall", "testing", "text", "time", "unicode", "unique", "unsafe", "uuid",
		"vendor", "weak", "cmd":
		return true
	}
	return false
}
