package replay_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/leaks"
)

// mutation breaks the engine on purpose: each property must notice what it is for.
type mutation struct {
	name string
	// patches are applied to files of the module; what they look for occurs exactly once.
	patches []patch
	// property is the test that must fail, checks its PERDURE_CHECKS. It is one of pkg, of this package if
	// that is empty.
	property, checks, pkg string
	// always: the row runs also when nobody asks for all of them.
	always bool
}

type patch struct{ file, old, new string }

func mutations() []mutation {
	return []mutation{
		{
			name:     "the woken goroutine counts itself",
			property: "^TestParkAndWake$", checks: "0.2", always: true,
			patches: []patch{
				{"replay/waiter.go", "\tw.t.asleep = nil\n\tw.t.count()\n", "\tw.t.asleep = nil\n"},
				{"replay/waiter.go", "\t\texit()\n\t}\n\tinv.mu.Lock()\n", "\t\texit()\n\t}\n\tinv.mu.Lock()\n\tw.t.count()\n"},
			},
		},
		{
			name:     "the record is looked up before the lock under which the goroutine parks",
			property: "^TestParkAndWake$", checks: "0.4",
			patches: []patch{{
				"replay/wait.go", "\t\ts.inv.awaitChange(s.t, s, o)\n",
				"\t\ts.inv.mu.Unlock()\n\t\ttime.Sleep(50 * time.Microsecond)\n\t\ts.inv.mu.Lock()\n\t\ts.inv.awaitChange(s.t, s, o)\n",
			}},
		},
		{
			name:     "suspended with something in the queue",
			property: "^TestParkAndWake$", checks: "0.2",
			patches: []patch{{
				"replay/invocation.go", "\tcase inv.writer.Queued() > 0:\n", "\tcase inv.writer.Queued() > 0 && !inv.ended && !inv.suspendable():\n",
			}},
		},
		{
			name:     "an update that the reply has told of is applied again",
			property: "^TestParkAndWake$", checks: "0.2",
			patches: []patch{{
				"replay/invocation.go", "if told(r.Operations, r.Updates[i].ID) {", "if false {",
			}},
		},
		{
			name:     "a START that is held back is overtaken",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.4", always: true,
			patches: []patch{{
				"internal/outbox/writer.go", "\tw.queue = append(w.queue, q)\n\tw.added++\n\tw.kick()\n",
				"\tat := len(w.queue)\n\tfor q.due.IsZero() && at > 0 && !w.queue[at-1].due.IsZero() && w.queue[at-1].u.ID != q.u.ID {\n\t\tat--\n\t}\n" +
					"\tw.queue = append(w.queue[:at:at], append([]queued{q}, w.queue[at:]...)...)\n\tw.added++\n\tw.kick()\n",
			}},
		},
		{
			name:     "a START that is held back is dropped",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.4",
			patches: []patch{{
				"internal/outbox/writer.go", "\treturn w.push(queued{u: u, due: w.due(hold)})\n",
				"\tif hold > 0 && u.Kind == checkpoint.KindStep && u.Action == checkpoint.ActionStart {\n\t\treturn w.added\n\t}\n\treturn w.push(queued{u: u, due: w.due(hold)})\n",
			}},
		},
		{
			name:     "the START of a group after that of its first operation",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.4",
			patches: []patch{{
				"internal/outbox/writer.go", "\tw.queue = append(w.queue, q)\n\tw.added++\n\tw.kick()\n",
				"\tw.queue = append(w.queue, q)\n\tif n := len(w.queue); n > 1 && q.u.ParentID != \"\" && w.queue[n-2].u.ID == q.u.ParentID {\n" +
					"\t\tw.queue[n-2], w.queue[n-1] = w.queue[n-1], w.queue[n-2]\n\t}\n\tw.added++\n\tw.kick()\n",
			}},
		},
		{
			name:     "the identity of a record is not checked",
			property: "^TestDivergence$", always: true,
			patches: []patch{{
				"replay/claim.go", "if rec.Kind != kind || rec.SubType != h.SubType || !oplog.IsWireName(rec.Name, h.Name, h.Key) || rec.ParentID != s.real {",
				"if !oplog.IsWireName(rec.Name, h.Name, h.Key) {",
			}},
		},
		{
			name:     "rule 3 is off: a new operation before recorded ones",
			property: "^TestDivergence$",
			patches:  []patch{{"replay/claim.go", "if s.readOnly || (s.ordered && s.unclaimed() > 0) {", "if s.readOnly {"}},
		},
		{
			name:     "rule 4 is off: recorded operations that the code does not reach",
			property: "^TestDivergence$",
			patches:  []patch{{"replay/end.go", "s.unclaimed() > 0 {", "s.unclaimed() < 0 {"}},
		},
		{
			name:     "rule 5 is off: waiting before recorded operations",
			property: "^TestDivergence$",
			patches:  []patch{{"replay/scope.go", "if s.ordered && s.unclaimed() > 0 {", "if s.ordered && s.unclaimed() < 0 {"}},
		},
		{
			name:     "bodies do not wait for the claims of the scopes around them",
			property: "^TestDivergence$",
			patches:  []patch{{"replay/scope.go", "for at := s; at != nil; {", "for at := s; at == nil; {"}},
		},
		{
			name:     "user code can catch a divergence",
			property: "^TestDivergence$",
			patches:  []patch{{"replay/diverge.go", "\ts.inv.fail(err)\n\ts.inv.mu.Unlock()\n\texit()\n", "\ts.inv.mu.Unlock()\n\tpanic(err)\n"}},
		},
		{
			name:     "a divergence fails an execution that is to be held",
			property: "^TestDivergenceOnHold$",
			patches:  []patch{{"replay/invocation.go", "inv.set.divergence == Hold {", "inv.set.divergence != Hold && false {"}},
		},
		{
			name:     "the START of an at-most-once step is not awaited",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.4",
			patches: []patch{{
				"replay/step.go", "\tif st.strict() || attempted(st.head) {\n\t\tinv.awaitAck(", "\tif false {\n\t\tinv.awaitAck(",
			}, {"replay/step.go", "\tif st.strict() || attempted(st.head) {\n\t\tst.seq = ", "\tif false {\n\t\tst.seq = "}},
		},
		{
			name:     "an interruption does not consume the attempt",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.4", always: true,
			patches: []patch{{
				"replay/step.go", "!st.begun && st.strict() {", "!st.begun && number < 0 {",
			}},
		},
		{
			name:     "the first run sees the value of the body",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.2",
			patches: []patch{
				{"replay/operation.go", "import (\n", "import (\n\t\"reflect\"\n\t\"sync\"\n"},
				{"replay/operation.go", "\tc := r.Codec\n", "\tif x, ok := seenLive.LoadAndDelete(r.Meta.OperationID); ok && reflect.TypeOf(x) == reflect.TypeOf(v).Elem() {\n" +
					"\t\treflect.ValueOf(v).Elem().Set(reflect.ValueOf(x))\n\t\treturn nil\n\t}\n\tc := r.Codec\n"},
				{"replay/operation.go", "// path names the operation for people.\n", "var seenLive sync.Map\n\n// path names the operation for people.\n"},
				{"replay/step.go", "\tif err == nil {\n\t\tpayload, err = st.encode(v)\n\t}\n", "\tif err == nil {\n\t\tpayload, err = st.encode(v)\n\t\tseenLive.Store(st.id, v)\n\t}\n"},
			},
		},
		{
			name:     "the occurrence of a name is not counted",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.4",
			patches: []patch{{"replay/claim.go", "s.seen.set(key, c.occurrence+1)", "s.seen.set(key, 0)"}},
		},
		{
			name:     "an attempt that fails loses the state",
			property: "^TestRunThroughEqualsInterrupted$", checks: "0.8",
			patches: []patch{{"replay/decide.go", "withState(u.Failure.Data, st.state)", "withState(u.Failure.Data, carried{})"}},
		},
		{
			name:     "START of an attempt with a state may travel alone",
			property: "^TestCounterexamples$", checks: "1",
			patches: []patch{{"internal/outbox/writer.go", "tied: true})\n\tw.added++\n\treturn", "tied: true})\n\tw.added++\n\tw.kick()\n\treturn"}},
		},
		{
			name:     "a scope sees the end of a future when it happens",
			property: "^TestCounterexamples$", checks: "1",
			patches: []patch{{"replay/await.go", "\tif !o.own {\n\t\to.read = true\n", "\tif o != nil {\n\t\to.read = true\n"}},
		},
		{
			name:     "an invocation that fails leaves a goroutine behind",
			property: "^TestErrorOfTheServiceAtEachCall$", checks: "1", always: true,
			patches: []patch{{
				"replay/invoke.go", "\tinv.writer.Join()\n\tinv.join()\n",
				"\tinv.writer.Join()\n\tinv.join()\n\tif inv.result.err != nil {\n\t\tgo func() { <-make(chan struct{}) }()\n\t}\n",
			}},
		},
		{
			name:     "a strict body does not wait for relaxed results",
			property: "^TestRelaxedSteps", checks: "0.1", pkg: "./replaytest",
			patches: []patch{{"replay/step.go", "if st.conf.Semantics != node.Relaxed {\n\t\tinv.barrier(", "if false {\n\t\tinv.barrier("}},
		},
		{
			name:     "a strict body waits for the relaxed results of its own branch only",
			property: "^TestRelaxedSteps", checks: "0.1", pkg: "./replaytest",
			patches: []patch{{
				"replay/step.go", "\t\tinv.relaxed = st.settle(u, relaxedHold)\n",
				"\t\tif n := st.settle(u, relaxedHold); st.s.parent == nil {\n\t\t\tinv.relaxed = n\n\t\t}\n",
			}},
		},
		{
			name:     "operations are named by their position",
			property: "^TestUnchangedProgramsNeverDiverge$|^TestDivergence$", checks: "0.1",
			patches: []patch{{"replay/claim.go", "s.ids.AppendID(buf[:0], h.Name, h.Key, c.occurrence)", "s.ids.AppendID(buf[:0], \"op\", \"\", len(s.seen.more)+c.occurrence)"}},
		},
	}
}

// Each property fails when what it is about is broken: it runs against copies of the engine, each
// with one fault, that the compiler puts in the place of the real files. Without a fault it passes.
//
// A few of them run by default, all if PERDURE_CHECKS is 3 or more, none with -short.
func TestPropertiesNoticeBrokenEngines(t *testing.T) { //nolint:paralleltest // compiling takes all processors
	if testing.Short() {
		t.Skip("compiles the engine once per fault")
	}
	all := lawChecks(t, 10) >= 30
	passes, sound := make(map[string]bool), make(map[string]string)
	whole := t                      // its folders outlive the rows
	for _, m := range mutations() { //nolint:paralleltest // as above
		if !all && !m.always {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			pkg := cmp.Or(m.pkg, ".")
			if key := m.property + m.checks; !passes[key] {
				if sound[pkg] == "" {
					sound[pkg] = buildBroken(whole, pkg, nil)
				}
				if out, err := m.run(t, sound[pkg]); err != nil {
					t.Fatalf("the property does not hold for the engine as it is: %v\n%s", err, out)
				}
				passes[key] = true
			}
			out, err := m.run(t, buildBroken(t, pkg, m.patches))
			if err == nil {
				t.Fatalf("%s does not notice", m.property)
			}
			signs := []string{"--- FAIL: Test", "panic:", "DATA RACE", leaks.Left}
			if !slices.ContainsFunc(signs, func(sign string) bool { return bytes.Contains(out, []byte(sign)) }) {
				t.Fatalf("%s did not fail but end: %v\n%s", m.property, err, out)
			}
		})
	}
}

// buildBroken compiles the tests of a package against the broken engine.
func buildBroken(t *testing.T, pkg string, patches []patch) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string)
	for _, p := range patches {
		path := filepath.Join(root, filepath.FromSlash(p.file))
		text, ok := texts[path]
		if !ok {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		if n := strings.Count(text, p.old); n != 1 {
			t.Fatalf("%s contains %d times what is to be broken; adapt the table:\n%s", p.file, n, p.old)
		}
		texts[path] = strings.Replace(text, p.old, p.new, 1)
	}
	replace := make(map[string]string)
	for path, text := range texts {
		broken := filepath.Join(dir, strings.ReplaceAll(filepath.ToSlash(strings.TrimPrefix(path, root)), "/", "_"))
		if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[path] = broken
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "broken.test")
	cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", list, "-o", binary, pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the broken engine does not compile: %v\n%s", err, out)
	}
	return binary
}

// run runs the property with a few checks.
func (m mutation) run(t *testing.T, binary string) ([]byte, error) {
	t.Helper()
	return runBroken(t, cmp.Or(m.pkg, "."), binary, []string{"PERDURE_CHECKS=" + m.checks}, "-test.run", m.property, "-test.failfast")
}

// runBroken runs tests of a package that were compiled against a broken engine, with these variables.
func runBroken(t *testing.T, pkg, binary string, env []string, args ...string) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append(args, "-test.timeout", "100s")...)
	dir, err := filepath.Abs(pkg)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Dir = dir
	cmd.Env = slices.Concat(os.Environ(), []string{"PERDURE_SEED=1", "PERDURE_WATCHDOG=10s"}, env)
	return cmd.CombinedOutput()
}
