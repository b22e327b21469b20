// Command practice prepares ten executions, each of which something else is wrong with, and serves
// them on this machine: to practise with docs/runbook.md before it is three in the morning.
//
//	go run ./cmd/perdure/internal/practice
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/checkpoint/sqlite"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // the root of the program
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "practice:", err)
		os.Exit(1)
	}
}

// run prepares executions, and serves them until ctx ends.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("practice", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:9090", "address of loopback to serve at; empty: make the file and end")
	folder := flags.String("folder", "", "new folder for the file of executions and the log (default: one for temporary files)")
	seed := flags.Uint64("seed", 0, "which execution has which name; 0 is another one each time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	dir, err := makeFolder(*folder)
	if err != nil {
		return err
	}
	listener, err := open(ctx, *listen)
	if err != nil {
		return err
	}
	logs, err := os.Create(filepath.Join(dir, "functions.log")) //nolint:gosec // the user's folder
	if err != nil {
		return err
	}
	store, err := sqlite.Open(filepath.Join(dir, "executions.db"))
	if err != nil {
		return errors.Join(err, logs.Close())
	}
	defer func() { err = errors.Join(err, store.Close(), logs.Close()) }()
	bus := page.NewBus()
	s, err := prepared(ctx, page.Announce(store, bus), logs, machine(), numbered(*seed))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "the executions A-1 to A-%d are in %s\n", len(s.names), filepath.Join(dir, "executions.db"))
	fmt.Fprintf(out, "their functions log to %s\n", logs.Name())
	s.bus, s.logFile = bus, logs.Name()
	if listener == nil {
		return s.close() //nolint:contextcheck // what ctx ends is closed all the same
	}
	return errors.Join(s.serve(ctx, listener, out), s.close()) //nolint:contextcheck // as above
}

// makeFolder makes the folder for what is kept.
func makeFolder(path string) (string, error) {
	if path == "" {
		return os.MkdirTemp("", "perdure-practice-")
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return "", fmt.Errorf("make the folder for the executions: %w; give one that is not there yet with -folder", err)
	}
	return path, nil
}

// open opens the address to serve at, if there is one.
func open(ctx context.Context, listen string) (net.Listener, error) {
	if listen == "" {
		return nil, nil
	}
	host, _, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("-listen is an address of loopback such as 127.0.0.1:9090, not %q", listen)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("serve at %s: %w; give another address with -listen", listen, err)
	}
	return listener, nil
}

// serve serves the executions, under a clock that goes on, and says in the end what was wrong.
func (s *site) serve(ctx context.Context, listener net.Listener, out io.Writer) error {
	url := "http://" + listener.Addr().String()
	server := &http.Server{Handler: s.handler(url), ReadHeaderTimeout: time.Minute}
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	following, stop := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() { defer close(stopped); s.clock.follow(following, 100*time.Millisecond) }()
	defer func() { stop(); <-stopped }()

	fmt.Fprintf(out, "serving them at %s; Ctrl-C ends it, and says what was wrong\n", url)
	fmt.Fprintf(out, "to see them: %s/\n", url)
	if !strings.HasSuffix(url, ":9090") {
		fmt.Fprintf(out, "for the other commands: export PERDURE_ENDPOINT=%s\n", url)
	}
	select {
	case <-ctx.Done():
		fmt.Fprint(out, "\n", s.answers())
		return nil
	case err := <-serving:
		return fmt.Errorf("serve: %w", err)
	}
}

// handler serves the API, and the page beside it, as perdure dev does.
func (s *site) handler(url string) http.Handler {
	api := lambdaapi.Handler(s.service)
	shown := page.New(page.Options{
		Source: page.FromService(s.service), Actions: page.ActionsOn(s.service), Place: "the practice at " + url, Bus: s.bus, Now: s.clock.Now,
		Written: func(arn string, _ map[string]bool) []page.Line { return written(s.logFile, arn) },
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if page.Owns(r) {
			shown.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// written returns what the functions have logged in an execution, none if that cannot be read.
func written(file, arn string) (lines []page.Line) {
	text, err := os.ReadFile(file) //nolint:gosec // the file that this program writes
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		var l struct {
			ARN       string    `json:"executionArn"`
			RequestID string    `json:"requestId"`
			Time      time.Time `json:"timestamp"`
		}
		if json.Unmarshal([]byte(line), &l) == nil && l.ARN == arn {
			lines = append(lines, page.Line{Time: l.Time, RequestID: l.RequestID, Text: strings.TrimSuffix(line, "\n")})
		}
	}
	return lines
}

// answers says what is wrong with each execution, in the order of their names.
func (s *site) answers() string {
	lines := make([]string, len(s.names))
	for _, p := range patients() {
		name := s.names[p.function]
		if n, err := strconv.Atoi(strings.TrimPrefix(name, "A-")); err == nil {
			lines[n-1] = fmt.Sprintf("%-4s  %s: %s\n", name, p.function, p.answer)
		}
	}
	return strings.Join(lines, "")
}
