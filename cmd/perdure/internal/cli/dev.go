package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/checkpoint/local/process"
	"github.com/perdure/perdure/checkpoint/sqlite"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// devOptions are the flags of perdure dev.
type devOptions struct {
	openFlags

	listen, store                     string
	memory, watch, quiet              bool
	functionTimeout, executionTimeout time.Duration
	retention                         time.Duration
	processes                         int
}

func (a *app) dev() *cobra.Command {
	var o devOptions
	cmd := &cobra.Command{
		Use:   "dev [NAME=]DIR ...",
		Short: "Run functions on this machine, and build them again when they change",
		Long: `Builds each function (go build), runs it in processes of its own as AWS Lambda does, together
with the durable service on this machine, and builds it again when its code changes. An execution
goes on under the new code; the program says which ones began under the old. It says what each
execution starts, waits for, fails at and ends with, in a line each.

DIR is the folder of a main package that calls lambda.Start; the function has the name of the
folder unless NAME says otherwise. Executions are kept in a file: after a restart, or a crash, what
was running goes on; with --memory it is lost. Callers are not authenticated, so the service listens on
127.0.0.1 unless a flag says otherwise.`,
		Example: `  perdure dev ./order
  perdure dev orders=./cmd/order ./payment --listen 127.0.0.1:9999 --memory`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return missing(cmd, "DIR")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runDev(cmd.Context(), args, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", strings.TrimPrefix(defaultEndpoint, "http://"), "address to serve at")
	f.StringVar(&o.store, "store", filepath.Join(".perdure", "executions.db"), "file that executions are kept in")
	f.BoolVar(&o.memory, "memory", false, "keep executions in memory only")
	f.BoolVar(&o.watch, "watch", true, "build again when the code changes")
	f.BoolVar(&o.quiet, "quiet", false, "do not say what executions are doing")
	f.Var(duration(&o.functionTimeout, 15*time.Minute), "function-timeout", "how long an invocation may take")
	f.Var(duration(&o.executionTimeout, 0), "execution-timeout", "how long an execution may take; 0 means forever")
	f.Var(duration(&o.retention, 14*24*time.Hour), "retention", "how long executions are kept after their end; 0 means forever")
	f.IntVar(&o.processes, "processes", 10, "at most that many processes of a function at once")
	a.addOpenFlags(cmd, &o.openFlags)
	return cmd
}

// check refuses values that mean nothing.
func (o *devOptions) check() error {
	switch {
	case o.processes < 1:
		return usage("--processes is at least 1, not %d", o.processes)
	case o.functionTimeout <= 0:
		return usage("--function-timeout is a duration such as 15m, not %s", view.Exact(o.functionTimeout))
	case o.executionTimeout < 0:
		return usage("--execution-timeout is a duration such as 24h, or 0 forever, not %s", view.Exact(o.executionTimeout))
	case o.retention < 0:
		return usage("--retention is a duration such as 336h, or 0 forever, not %s", view.Exact(o.retention))
	case o.store == "" && !o.memory:
		return usage("--store is a file; --memory keeps executions in memory only")
	}
	return nil
}

// site is what perdure dev runs.
type site struct {
	*app
	devOptions

	dir       string // for binaries
	store     local.Store
	service   *local.Service
	functions []*function
	builds    *builds
	bus       *page.Bus
	journal   journal
	opens     page.Opener // nil if the page opens nothing
	asked     asked
}

func (a *app) runDev(ctx context.Context, args []string, o devOptions) (err error) {
	s := &site{app: a, devOptions: o}
	if err := cmp.Or(o.check(), s.parse(args)); err != nil {
		return err
	}
	if s.opens, err = a.pageOpener(ctx, o.openFlags); err != nil {
		return err
	}
	listener, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }() //nolint:contextcheck // what ctx ends is closed all the same
	endpoint := "http://" + reachable(listener.Addr())
	server := &http.Server{Handler: s.handler(endpoint), ReadHeaderTimeout: time.Minute}
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(listener) }()
	defer func() { _ = server.Close() }() // its clients see that it is gone

	s.say("building %s", s.names(func(*function) bool { return true }))
	if err := s.host(ctx, endpoint); err != nil {
		return err
	}
	s.greet(endpoint)
	var watching sync.WaitGroup
	defer watching.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if o.watch {
		watching.Go(func() { s.watchAll(ctx) })
	}
	broken := make(chan struct{})
	watching.Go(func() { s.guard(ctx, broken) })
	select {
	case <-ctx.Done():
		s.say("%s", s.farewell())
		return ctx.Err()
	case err := <-serving:
		return fmt.Errorf("serve at %s: %w", o.listen, err)
	case <-broken:
		s.say("stopping, since nothing can be stored; what was stored goes on at the next start")
		return nil // close says why
	}
}

// handler serves the API, and the page beside it.
func (s *site) handler(endpoint string) http.Handler {
	api, shown := lambdaapi.Handler(s.service, lambdaapi.WithLogger(slog.New(&warner{s.say}))), s.page(endpoint)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if page.Owns(r) {
			shown.ServeHTTP(w, r)
			return
		}
		if s.serveToday(w, r) {
			return
		}
		if answer := s.whileBuilding(r, longestHold); answer != nil {
			answer(w)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// farewell says what becomes of what runs.
func (s *site) farewell() string {
	running := 0
	for _, e := range s.service.Executions() {
		if !e.Status().Terminal() {
			running++
		}
	}
	switch {
	case !s.memory:
		return "stopping; what runs goes on at the next start"
	case running == 0:
		return "stopping; nothing is kept with --memory"
	}
	return fmt.Sprintf("stopping; nothing is kept with --memory: %s lost", view.Plural(running, "execution that runs is", "executions that run are"))
}

// reachable returns the address that programs on this machine reach a server at. One that listens
// at every address is reached at that of loopback, also by programs that know one version of IP
// alone.
func reachable(at net.Addr) string {
	tcp, ok := at.(*net.TCPAddr)
	if !ok || len(tcp.IP) > 0 && !tcp.IP.IsUnspecified() {
		return at.String()
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
}

// guard closes broken when the service has stopped by itself.
func (s *site) guard(ctx context.Context, broken chan struct{}) {
	for sleep(ctx, watchInterval) == nil {
		if s.service.Err() != nil {
			close(broken)
			return
		}
	}
}

// parse reads the functions.
func (s *site) parse(args []string) error {
	names := make(map[string]bool)
	for _, arg := range args {
		name, dir, ok := strings.Cut(arg, "=")
		if !ok {
			dir = arg
		}
		path, err := filepath.Abs(dir)
		if err != nil {
			return usageError{err}
		}
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			return usage("%s is not a folder; give that of a function, such as ./order", dir)
		}
		if !ok {
			name = filepath.Base(path)
		}
		if !isFunctionName(name) {
			return usage("%q cannot be the name of a function, which is 1 to 64 letters, digits, - and _; give another, as in %s=%s",
				name, nameLike(name), dir)
		}
		if names[name] {
			return usage("two functions are named %s; give one another name, as in other=%s", name, dir)
		}
		names[name] = true
		s.functions = append(s.functions, &function{site: s, name: name, path: path, first: make(chan struct{})})
	}
	return nil
}

// nameBytes are what the name of a function consists of, and nameMost is how long it is (Lambda
// API, FunctionName).
const (
	nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	nameMost  = 64
)

func isFunctionName(s string) bool {
	return s != "" && len(s) <= nameMost && strings.Trim(s, nameBytes) == ""
}

// nameLike returns the name of a function that is like a text.
func nameLike(text string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune(nameBytes, r) {
			return r
		}
		return '-'
	}, text), "-")
	return cmp.Or(name[:min(len(name), nameMost)], "order")
}

// open opens the port and the store, and makes the service.
func (s *site) open(ctx context.Context) (listener net.Listener, err error) {
	if host, _, err := net.SplitHostPort(s.listen); err != nil {
		return nil, usage("--listen is an address such as 127.0.0.1:9090, not %q", s.listen)
	} else if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		s.say("warning: %s can be reached from other machines, and no one is authenticated", s.listen)
	}
	if listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", s.listen); err != nil {
		return nil, fmt.Errorf("serve at %s: %w; give another address with --listen", s.listen, err)
	}
	if s.store, err = s.openStore(); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s.bus = page.NewBus()
	s.store = page.Announce(s.store, s.bus)
	if !s.quiet {
		s.store = newNarrator(s.store, s.say)
	}
	s.builds = readBuilds(s.buildsFile())
	s.service = local.New(local.WithStore(s.store), //nolint:contextcheck // the service lives until it is closed
		local.WithFunctionTimeout(s.functionTimeout), local.WithExecutionTimeout(s.executionTimeout))
	if err := s.service.Err(); err != nil {
		return nil, errors.Join(err, listener.Close(), s.close()) //nolint:contextcheck // as above
	}
	return listener, nil
}

// openStore opens the store, and makes the folder that binaries are built into. It is beside the
// store, where the next run clears it up if this one cannot.
func (s *site) openStore() (store local.Store, err error) {
	if s.memory {
		s.dir, err = os.MkdirTemp("", "perdure-")
		return local.NewMemoryStore(), err
	}
	path := s.devOptions.store
	folder := filepath.Dir(path)
	if _, err := os.Stat(folder); os.IsNotExist(err) {
		if err := makeFolder(folder); err != nil {
			return nil, err
		}
	}
	opened, err := sqlite.Open(path, sqlite.WithRetention(s.retention))
	if err != nil {
		return nil, err
	}
	if s.dir, err = filepath.Abs(path + "-bin"); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	if err := errors.Join(os.RemoveAll(s.dir), os.Mkdir(s.dir, 0o700)); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return opened, nil
}

// makeFolder makes a folder that Git does not look into.
func makeFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(path, ".gitignore"), []byte("*\n"), 0o600)
}

// buildsFile returns where is kept which code was built when, beside the store.
func (s *site) buildsFile() string {
	if s.memory {
		return ""
	}
	return s.devOptions.store + "-builds.json"
}

// close ends everything.
func (s *site) close() error {
	err := s.service.Close()
	for _, f := range s.functions {
		if f.process != nil {
			err = errors.Join(err, f.process.Close())
		}
	}
	if c, ok := s.store.(interface{ Close() error }); ok {
		err = errors.Join(err, c.Close())
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// host builds and hosts all functions. One that cannot be built is hosted when it can.
func (s *site) host(ctx context.Context, endpoint string) error {
	for _, f := range s.functions {
		f.endpoint = endpoint
		err := f.rebuild(ctx)
		close(f.first)
		if err != nil {
			if !s.watch || ctx.Err() != nil {
				return err
			}
			s.say("%v\n%s", err, f.instead())
		}
	}
	return nil
}

// names returns the names of functions.
func (s *site) names(of func(*function) bool) string {
	var names []string
	for _, f := range s.functions {
		if of(f) {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ", ")
}

func (s *site) greet(endpoint string) {
	s.say("serving %s at %s", cmp.Or(s.names(func(f *function) bool { return f.process != nil }), "no function yet"), endpoint)
	if endpoint != defaultEndpoint {
		s.say("for the other commands: export PERDURE_ENDPOINT=%s", endpoint)
	}
	s.say("to see executions: %s/", endpoint)
	s.say("for AWS SDKs: export AWS_ENDPOINT_URL_LAMBDA=%s", endpoint)
	s.sayStore()
	if left := s.service.Executions(); len(left) > 0 && !s.memory {
		s.say("%s left unfinished by the last run: %s", view.Plural(len(left), "execution was", "executions were"), names10(left))
	}
}

// sayStore says where executions are kept, and how many are there.
func (s *site) sayStore() {
	if s.memory {
		return
	}
	path, err := filepath.Abs(s.devOptions.store)
	if err != nil {
		path = s.devOptions.store
	}
	kept, err := s.store.List(local.Query{Limit: mostCounted + 1})
	switch n := len(kept); {
	case err != nil:
		s.say("executions are kept in %s, which cannot be listed: %v", path, err)
	case n == 0:
		s.say("executions are kept in %s, which has none", path)
	case n > mostCounted:
		s.say("executions are kept in %s, which has more than %d", path, mostCounted)
	default:
		s.say("executions are kept in %s, which has %d", path, n)
	}
}

// mostCounted bounds how many executions are read to count them.
const mostCounted = 1000

// say writes something to the user.
func (s *site) say(format string, args ...any) {
	s.printing.Lock()
	defer s.printing.Unlock()
	fmt.Fprintf(s.Err, "perdure: "+format+"\n", args...)
}

// names10 names executions, at most ten.
func names10(all []*local.Execution) string {
	var names []string
	for i, e := range all {
		if i == 10 {
			return strings.Join(names, ", ") + fmt.Sprintf(" and %d more", len(all)-10)
		}
		names = append(names, e.Name())
	}
	return strings.Join(names, ", ")
}

// line prints a line that a function has written, unless the narrator says what it holds.
func (f *function) line(l process.Line) {
	f.site.journal.add(l)
	w, lines := f.site.Out, []string{l.Text}
	if l.Stream == process.Stderr {
		w = f.site.Err
	}
	if rest, said := fold(l.Text); said && !f.site.quiet {
		lines = rest
	}
	f.site.printing.Lock()
	defer f.site.printing.Unlock()
	for _, line := range lines {
		fmt.Fprintf(w, "%s | %s\n", f.name, line)
	}
}
