package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/sqlite"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// compatOptions are the flags of perdure compat.
type compatOptions struct {
	openFlags

	function, store, rollback string
	since                     time.Duration
	most                      int
	github, histories         bool
	declarations              bool
}

func (a *app) compat() *cobra.Command {
	var o compatOptions
	cmd := &cobra.Command{
		Use:   "compat [NAME=]DIR",
		Short: "Rehearse changed code on the executions that are running",
		Long: `Builds a function and rehearses it on the logs of the executions that are running: which of
them would diverge if this code were deployed, which fit. Nothing is sent, and no body of an
operation runs; handler code runs as in any replay.

The logs are those that the function would be invoked with: of the service on this machine
(perdure dev), or of its file with --store FILE while it does not run. Of functions on AWS, and with
--histories, they are made from histories: where a history holds a part of a payload only, what
comes after it cannot be decided. Executions of a published version never see other code: what
can diverge are those of $LATEST.

It is a snapshot: executions go on meanwhile. Run it again right before the switch.

What is sealed or kept elsewhere is opened by the function, with the keys and the store that it has
in this environment; --keyring and --objects open it before. What stays closed is undecidable.

DIR is the folder of the function, or its program. --rollback REVISION rehearses the code as it
is in that revision of Git instead: whether a rollback to it is possible.

Of executions that fit, it says which take the old side of a declared change.

With --without-declarations it prints which declared changes (op.Replaces and the like) may go: those
of which no running execution takes the old side. Code with the declarations must be what is
deployed, or else an execution may begin an old side meanwhile.

Exit codes: 0 no execution would diverge, 1 some would diverge or fail, or may; 5 the code cannot be
built or rehearsed; others: it was not found out.`,
		Example: `  perdure compat ./order
  perdure compat order=./cmd/order -o json
  perdure compat ./order --store .perdure/executions.db
  perdure compat ./order --function 'order:$LATEST' --aws --max 200
  perdure compat ./order --rollback HEAD~1`,
		Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.since < 0 || o.most < 0 {
				return usage("--since is a duration such as 24h, and --max a number of executions, 0 for all")
			}
			if o.store != "" && (a.onAWS() || o.histories) {
				return usage("--store is a file of perdure dev on this machine; leave out --histories, --aws, --region and --profile")
			}
			return a.runCompat(cmd.Context(), args[0], o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.function, "function", "", "name of the function whose executions are rehearsed (default that of DIR)")
	f.StringVar(&o.store, "store", "", "read executions from this file of perdure dev, which is not running")
	f.BoolVar(&o.histories, "histories", false, "make the logs from histories, as of functions on AWS")
	f.StringVar(&o.rollback, "rollback", "", "rehearse the code of this revision of Git")
	f.Var(duration(&o.since, 0), "since", "only those started within this time, such as 24h")
	f.IntVar(&o.most, "max", 0, "at most that many, the last ones first; 0 means all")
	f.BoolVar(&o.declarations, "without-declarations", false, "print which declarations may go, since no execution takes an old side")
	f.BoolVar(&o.github, "github", false, "annotate the workflow run of GitHub Actions (default if $GITHUB_ACTIONS is true)")
	a.addOpenFlags(cmd, &o.openFlags)
	return cmd
}

func (a *app) runCompat(ctx context.Context, arg string, o compatOptions) (err error) {
	name, path, err := functionArg(arg)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "perdure-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary, err := buildFor(ctx, name, path, dir, o.rollback)
	if err != nil {
		return err
	}
	r, err := newRehearser(ctx, name, binary, folderOf(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	all := verdicts{Function: cmp.Or(o.function, name), Groups: []*group{}}
	source, err := a.logs(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.close()) }()
	open, err := a.openers(ctx, o.openFlags)
	if err != nil {
		return err
	}
	arns, err := source.list(ctx, all.Function, o)
	if err != nil {
		return err
	}
	for _, arn := range arns {
		log, running, err := source.log(ctx, arn)
		if err != nil {
			return err
		}
		if !running {
			all.Ended++
			continue
		}
		opener := open.of(arn)
		if opener != nil {
			opener.hush() // the verdict says it
			if opener.parents, err = source.parents(ctx, arn); err != nil {
				return err
			}
		}
		answer, err := r.ask(ctx, opener.openLog(ctx, log))
		if err != nil {
			return fmt.Errorf("%s: %w", arn, err)
		}
		all.add(verdict{arn, checkpoint.ExecutionName(arn), answer})
	}
	if o.declarations {
		return a.printDeclared(&all)
	}
	return a.printVerdicts(&all, o)
}

// functionArg reads the argument [NAME=]DIR.
func functionArg(arg string) (name, path string, err error) {
	name, dir, ok := strings.Cut(arg, "=")
	if !ok {
		dir = arg
	}
	if path, err = filepath.Abs(dir); err != nil {
		return "", "", usageError{err}
	}
	if _, err := os.Stat(path); err != nil {
		return "", "", usage("there is no %s; give the folder of a function, such as ./order", dir)
	}
	if !ok {
		name = filepath.Base(path)
	}
	return name, path, nil
}

// folderOf returns the folder that a program is built in; empty for one that is built already.
func folderOf(path string) string {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return ""
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	return path
}

// buildFor builds the function of a folder, as it is in a revision if there is one, and returns its
// program. What is no folder is a program.
func buildFor(ctx context.Context, name, path, dir, revision string) (binary string, err error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", err
	case !info.IsDir() && revision != "":
		return "", usage("--rollback builds a folder as it was, and %s is a program", path)
	case !info.IsDir():
		return path, nil
	}
	f := &function{name: name, path: path}
	if revision == "" {
		binary = filepath.Join(dir, name)
		return binary, f.build(ctx, binary)
	}
	top, err := git(ctx, path, "rev-parse", "--show-toplevel")
	if err != nil {
		return "", err
	}
	folder, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	below, err := filepath.Rel(top, folder)
	if err != nil {
		return "", err
	}
	if _, err := git(ctx, path, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}"); err != nil {
		return "", usage("--rollback: Git knows no revision %q here; give a commit, a tag or a branch, such as HEAD~1", revision)
	}
	tree := filepath.Join(dir, "tree")
	if _, err := git(ctx, path, "worktree", "add", "--detach", tree, revision); err != nil {
		return "", err
	}
	defer func() {
		_, removed := git(context.WithoutCancel(ctx), path, "worktree", "remove", "--force", tree)
		err = errors.Join(err, removed)
	}()
	f.path, binary = filepath.Join(tree, below), filepath.Join(dir, name)
	if _, err := os.Stat(f.path); err != nil {
		return "", fmt.Errorf("revision %s has no folder %s", revision, below)
	}
	return binary, f.build(ctx, binary)
}

// git runs Git in a folder and returns what it prints.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // the user's revision, as an argument
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// logs is where the logs of executions come from.
type logs interface {
	// list returns the ARNs of the executions that are running, the last one first.
	list(ctx context.Context, function string, o compatOptions) ([]string, error)
	// log returns what the function would be invoked with; it is not running any more if it has
	// ended meanwhile.
	log(ctx context.Context, arn string) (log checkpoint.Invocation, running bool, err error)
	// parents returns what each operation is inside of, by IDs, also of those that the log hides.
	parents(ctx context.Context, arn string) (map[string]string, error)
	close() error
}

func (a *app) logs(o compatOptions) (logs, error) {
	if o.store == "" {
		return &apiLogs{a, o.histories || a.onAWS()}, nil
	}
	if _, err := os.Stat(o.store); err != nil {
		return nil, usage("there is no store %s: perdure dev keeps executions in .perdure/executions.db", o.store)
	}
	store, err := sqlite.Open(o.store)
	if err != nil {
		return nil, fmt.Errorf("%w; while perdure dev runs, leave --store out", err)
	}
	return storeLogs{store, a.Now}, nil
}

// storeLogs reads them from a file.
type storeLogs struct {
	*sqlite.Store

	now func() time.Time
}

func (s storeLogs) close() error { return s.Close() }

func (s storeLogs) list(_ context.Context, function string, o compatOptions) ([]string, error) {
	q := local.Query{Unfinished: true, Reverse: true}
	if o.since > 0 {
		q.StartedAfter = s.now().Add(-o.since)
	}
	found, err := s.List(q)
	if err != nil {
		return nil, err
	}
	var arns []string
	for i := range found {
		if functionOf(found[i].Function) == function && (o.most == 0 || len(arns) < o.most) {
			arns = append(arns, found[i].ARN)
		}
	}
	return arns, nil
}

func (s storeLogs) log(_ context.Context, arn string) (checkpoint.Invocation, bool, error) {
	snapshot, err := s.Load(arn)
	return snapshot.Log(), err == nil && !snapshot.Execution.Status.Terminal(), err
}

func (s storeLogs) parents(_ context.Context, arn string) (map[string]string, error) {
	snapshot, err := s.Load(arn)
	all := make(map[string]string)
	for i := range snapshot.Records {
		all[snapshot.Records[i].ID] = snapshot.Records[i].ParentID
	}
	return all, err
}

// apiLogs asks the service.
type apiLogs struct {
	*app

	histories bool // what logs are made from
}

func (apiLogs) close() error { return nil }

func (l apiLogs) list(ctx context.Context, function string, o compatOptions) ([]string, error) {
	found, more, err := l.executions(ctx, function, selection{
		statuses: []string{string(local.StatusRunning)}, since: o.since, limit: o.most,
	})
	if err != nil {
		return nil, err
	}
	if more {
		fmt.Fprintf(l.Err, "there are more than %s running executions of %s: --max 0 rehearses all\n", thousands(o.most), function)
	}
	arns := make([]string, len(found))
	for i := range found {
		arns[i] = aws.ToString(found[i].DurableExecutionArn)
	}
	return arns, nil
}

func (l apiLogs) log(ctx context.Context, arn string) (checkpoint.Invocation, bool, error) {
	e, err := l.execution(ctx, arn)
	if err != nil {
		return checkpoint.Invocation{}, false, err
	}
	if local.Status(e.Status).Terminal() {
		return checkpoint.Invocation{}, false, nil
	}
	if !l.histories {
		log, err := l.exactLog(ctx, arn)
		return log, true, err
	}
	events, err := l.events(ctx, arn, 0)
	return local.LogOf(arn, events), true, err
}

func (l apiLogs) parents(ctx context.Context, arn string) (map[string]string, error) {
	events, err := l.events(ctx, arn, 0)
	all := make(map[string]string)
	for i := range events {
		if e := &events[i]; e.OperationID != "" {
			all[e.OperationID] = e.ParentID
		}
	}
	return all, err
}

// exactLog asks the service on this machine for a log, again if it is throttled.
func (l apiLogs) exactLog(ctx context.Context, arn string) (checkpoint.Invocation, error) {
	for pause := throttlePause; ; pause *= 2 {
		log, err := l.askForLog(ctx, arn)
		if !errors.Is(err, errThrottledLog) || pause > mostThrottlePause {
			return log, err
		}
		if err := sleep(ctx, pause); err != nil {
			return log, err
		}
	}
}

func (l apiLogs) askForLog(ctx context.Context, arn string) (log checkpoint.Invocation, err error) {
	what := "log of " + arn
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	address := strings.TrimSuffix(l.serviceURL(), "/") + "/perdure/durable-executions/" + url.PathEscape(arn) + "/log"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return log, err
	}
	resp, err := knownService{http.DefaultClient}.Do(req)
	if errors.Is(err, errStranger) {
		return log, fmt.Errorf("%w: %w", errNoLog, l.explain(what, err))
	}
	if err != nil {
		return log, l.explain(what, err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return log, l.explain(what, err)
	}
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
		return checkpoint.DecodeInvocation(text)
	case code == http.StatusTooManyRequests:
		return log, fmt.Errorf("%w: %s: %s: %s", errThrottledLog, what, resp.Status, cut(string(text), 120))
	case code >= http.StatusInternalServerError, code == http.StatusRequestTimeout:
		return log, fmt.Errorf("%s: %s: %s", what, resp.Status, cut(string(text), 120))
	default:
		return log, fmt.Errorf("%w: %s: %s: %s", errNoLog, what, resp.Status, cut(string(text), 120))
	}
}

var (
	// errNoLog is the error of a service that refuses to show a log: other services do not know the
	// call.
	errNoLog = errors.New("the service does not show logs")
	// errThrottledLog is the error of one that has too many calls for now.
	errThrottledLog = errors.New("the service has too many calls")
)

// printVerdicts prints what was found. The error says that the code is not to be deployed.
func (a *app) printVerdicts(all *verdicts, o compatOptions) error {
	all.sorted()
	if a.output == "json" {
		if err := a.printJSON(all); err != nil {
			return err
		}
	} else {
		a.printGroups(all)
	}
	if o.github || a.Getenv("GITHUB_ACTIONS") == "true" {
		a.annotate(all)
	}
	if all.bad() {
		return failedError{errors.New(all.headline())}
	}
	return nil
}

func (a *app) printGroups(all *verdicts) {
	fmt.Fprintln(a.Out, all.headline())
	for _, g := range slices.Concat(all.Groups, all.Warnings) {
		for i, line := range g.lines() {
			if i == 0 && g.Class == classLossy {
				line = "warning: " + line
			}
			fmt.Fprintln(a.Out, "  "+line)
		}
	}
	for _, side := range all.oldSides() {
		fmt.Fprintf(a.Out, "  %s × %s\n      %s\n", thousands(len(side.executions)), side.text, fewNames(side.executions))
	}
	if all.Ended > 0 {
		fmt.Fprintln(a.Err, view.Plural(all.Ended, "other has", "others have")+" ended meanwhile")
	}
}

// annotate prints commands of GitHub Actions. They are read wherever they are printed.
func (a *app) annotate(all *verdicts) {
	escape := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace
	title := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace
	for _, g := range slices.Concat(all.Groups, all.Warnings) {
		level := "error"
		if g.Class == classUndecided || g.Class == classLossy {
			level = "warning"
		}
		where := ""
		if g.File != "" && filepath.IsLocal(g.File) { // GitHub shows it at the line
			where = fmt.Sprintf("file=%s,line=%d,", title(filepath.ToSlash(g.File)), g.Line.Line)
		}
		fmt.Fprintf(a.Err, "::%s %stitle=%s::%s\n", level, where, title("perdure compat: "+all.headline()), escape(strings.Join(g.lines(), "\n")))
	}
}
