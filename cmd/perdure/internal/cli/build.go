package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/process"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// function is a function that perdure dev runs.
type function struct {
	site                 *site
	name, path, endpoint string

	process *process.Function // nil until it is built
	mu      sync.Mutex        // guards what follows, which others may read while it is built
	binary  string
	hash    string // of the binary

	serial int
	seen   stamps // the code, as it was before the last build
	broken bool   // the last build has failed

	first  chan struct{} // closed when the first build has ended, well or not
	hosted atomic.Bool
}

// built returns the program that runs, and its hash; empty if none does.
func (f *function) built() (binary, hash string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.binary, f.hash
}

// instead says what goes on when a build has failed.
func (f *function) instead() string {
	if f.process == nil {
		return f.name + " is not built yet: save its code when it is mended"
	}
	return f.name + " goes on under the code before"
}

// rebuild builds the function and has it run the new code. If that fails, the old code stays.
func (f *function) rebuild(ctx context.Context) error {
	if f.site.watch {
		f.seen = f.look(ctx) // before the build, which may be of newer code: then it is built once more
	}
	f.serial++
	binary := filepath.Join(f.site.dir, fmt.Sprintf("%s-%d", f.name, f.serial))
	begin := f.site.Now()
	mended := f.broken
	f.broken = true // unless it succeeds
	if err := f.build(ctx, binary); err != nil {
		return err
	}
	f.broken = false
	hash, err := hashOf(binary)
	if err != nil {
		return err
	}
	if hash == f.hash {
		if mended {
			f.site.say("built %s in %s: it is the code that runs", f.name, view.Span(f.site.Now().Sub(begin)))
		}
		return os.Remove(binary) // a comment has changed, or a file that does not count
	}
	if err := f.run(binary); err != nil {
		return err
	}
	if f.binary != "" {
		_ = os.Remove(f.binary) // where a program that runs cannot be removed, the next start does
	}
	f.mu.Lock()
	f.hash, f.binary = hash, binary
	f.mu.Unlock()
	f.site.say("built %s in %s", f.name, view.Span(f.site.Now().Sub(begin)))
	changed := f.site.builds.note(f.name, hash, revisionOf(ctx, f.path), f.site.Now())
	if changed {
		f.rescue(ctx, f.warn(ctx))
	}
	return f.site.builds.write()
}

// holding are the variables that have a function hold executions which diverge, unless its code or
// the environment says otherwise: they go on when the code fits again.
func holding(lookup func(name string) (string, bool)) []string {
	const mode = "PERDURE_DIVERGENCE"
	if _, ok := lookup(mode); ok {
		return nil
	}
	return []string{mode + "=hold"}
}

// rescue resumes executions that were paused because the code before did not fit them. Of those in
// fit it was said that they are.
func (f *function) rescue(ctx context.Context, fit map[string]bool) {
	for _, e := range f.site.service.Executions() {
		if rec := e.Record(); functionOf(rec.Function) != f.name || !heldByDivergence(rec) {
			continue
		}
		err := f.site.service.Resume(ctx, checkpoint.ResumeInput{ARN: e.ARN(), Reason: "other code was built"})
		if err != nil {
			f.site.say("  %s was held, because its code did not fit, and cannot be resumed: %v", e.Name(), err)
			continue
		}
		if !fit[e.ARN()] {
			f.site.say("  %s was held, because its code did not fit, and is resumed", e.Name())
		}
	}
}

// heldByDivergence reports whether an execution is paused because its code is not the code that
// wrote its log.
func heldByDivergence(rec local.ExecutionRecord) bool {
	return rec.Status == local.StatusPaused && strings.HasPrefix(rec.Pause.Reason, "replay: the execution diverged")
}

// build compiles the function.
func (f *function) build(ctx context.Context, binary string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", binary, ".") //nolint:gosec // the path is our own
	cmd.Dir = f.path
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return codeError{errors.New("there is no program go in PATH; install Go to build functions")}
	case err != nil:
		return codeError{fmt.Errorf("build %s: %w\n%s", f.name, err, bytes.TrimSpace(out))}
	}
	if info, err := os.Stat(binary); err != nil || info.Mode()&0o111 == 0 { // a package that is not main makes no program
		return codeError{fmt.Errorf("build %s: %s is not a main package; give the folder of a program that calls lambda.Start", f.name, f.path)}
	}
	return nil
}

// run hosts a binary, or has it take the place of the one that is hosted.
func (f *function) run(binary string) error {
	if f.process != nil {
		return f.process.Replace(binary)
	}
	p, err := process.New(binary, process.WithEndpoint(f.endpoint), process.WithOutput(f.line),
		process.WithInheritedEnv(), process.WithEnv(holding(os.LookupEnv)...), process.WithMaxProcesses(f.site.processes))
	if err != nil {
		return err
	}
	f.process = p
	if err := f.site.service.Host(f.name, p); err != nil {
		return err
	}
	f.hosted.Store(true)
	return nil
}

// warn says which executions go on under code that they have not begun under, and whether it fits
// them. Those whose last invocation has failed may have been held by other code: it looks at them,
// too. It returns by their ARNs those of which it has said that the code fits.
func (f *function) warn(ctx context.Context) (fit map[string]bool) {
	fit = make(map[string]bool)
	var old, held []*local.Execution
	for _, e := range f.site.service.Executions() {
		r := e.Record()
		switch {
		case r.Status.Terminal() || functionOf(r.Function) != f.name:
		case f.site.builds.at(f.name, r.Start) != f.hash:
			old = append(old, e)
		case r.FailedInRow > 0:
			held = append(held, e)
		}
	}
	if len(old) > 0 {
		f.site.say("%s of %s began under other code and %s under this: %s",
			view.Plural(len(old), "execution", "executions"), f.name, map[bool]string{true: "goes on", false: "go on"}[len(old) == 1], names10(old))
	}
	if len(held) > 0 {
		f.site.say("the last invocation of %s of %s has failed: %s", view.Plural(len(held), "execution", "executions"), f.name, names10(held))
	}
	all := slices.Concat(held, old)
	if len(all) == 0 {
		return fit
	}
	if err := f.rehearse(ctx, all, fit); err != nil && ctx.Err() == nil {
		f.site.say("  whether it fits them is not known: %v", err)
	}
	return fit
}

// functionOf returns the name of a function.
func functionOf(arn string) string {
	name, _, _ := strings.Cut(shortName(arn), ":")
	return name
}

func hashOf(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // the binary that was built
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}
