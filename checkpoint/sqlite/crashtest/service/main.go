// Command service is the service that the crash test kills: the local service with a store in a
// file, its front, and functions in processes of their own.
//
//	service STORE ADDRESS FUNCTION
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ncruces/go-sqlite3/vfs"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/checkpoint/local/process"

	"github.com/perdure/perdure/checkpoint/sqlite"
	"github.com/perdure/perdure/checkpoint/sqlite/crashtest/moment"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}

func starting() { moment.Reach(moment.Report{Kind: moment.Starting, Program: moment.Service}) }

func run(path, address, function string) error {
	starting()
	vfs.Register("watched", watchedFS{vfs.Find("")})
	store, err := sqlite.Open("file:" + path + "?vfs=watched")
	if err != nil {
		return err
	}
	starting()
	// A function that is killed is invoked again soon: the test kills hundreds.
	service := local.New(local.WithStore(store), local.WithFunctionTimeout(20*time.Second),
		local.WithLimits(local.Limits{RetryPause: 20 * time.Millisecond, MaxRetryPause: 100 * time.Millisecond}))
	if err := service.Err(); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address) //nolint:noctx // it lives as long as the program
	if err != nil {
		return err
	}
	starting()
	endpoint := "http://" + listener.Addr().String()
	for _, name := range []string{"order", "insurance"} {
		f, err := process.New(function, process.WithArgs(name), process.WithEndpoint(endpoint),
			process.WithInheritedEnv(), process.WithOutput(func(l process.Line) { fmt.Fprintln(os.Stderr, name, "|", l.Text) }))
		if err != nil {
			return err
		}
		if err := service.Host(name, f); err != nil {
			return err
		}
		starting()
	}
	fmt.Println("serving", endpoint) //nolint:forbidigo // what the test reads
	server := &http.Server{Handler: watched(lambdaapi.Handler(service)), ReadHeaderTimeout: time.Minute}
	return server.Serve(listener)
}

// watched reports checkpoint calls, before they are served and before they are answered. A call
// that has arrived is served also if its caller is gone, as it is where a network lies in between.
func watched(front http.Handler) http.Handler {
	var calls atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, rest, ok := strings.Cut(r.URL.EscapedPath(), "/durable-executions/")
		escaped, isCheckpoint := strings.CutSuffix(rest, "/checkpoint")
		arn, err := url.PathUnescape(escaped)
		if !ok || !isCheckpoint || err != nil {
			front.ServeHTTP(w, r)
			return
		}
		call, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r = r.WithContext(context.WithoutCancel(r.Context()))
		r.Body = io.NopCloser(bytes.NewReader(call))
		number := calls.Add(1)
		moment.Reach(moment.Report{Kind: moment.InFlight, Program: moment.Service, Execution: arn, Number: number})
		answer := &held{header: w.Header(), status: http.StatusOK}
		front.ServeHTTP(answer, r)
		report := moment.Report{Kind: moment.Committed, Program: moment.Service, Execution: arn, Number: number}
		if answer.status == http.StatusOK {
			report.Call = json.RawMessage(call)
		}
		moment.Reach(report)
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.body.Bytes()) // who is gone asks again
	})
}

// held is an answer that is not sent yet.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (h *held) Header() http.Header { return h.header }

// WriteHeader implements [http.ResponseWriter].
func (h *held) WriteHeader(status int) { h.status = status }

// Write implements [http.ResponseWriter].
func (h *held) Write(p []byte) (int, error) { return h.body.Write(p) }

// watchedFS reports what is done to the log that SQLite writes ahead.
type watchedFS struct{ vfs.VFS }

// OpenFilename implements vfs.VFSFilename.
func (w watchedFS) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	inner, ok := w.VFS.(vfs.VFSFilename)
	if !ok {
		return nil, flags, fmt.Errorf("the file system %T cannot open files by their URI", w.VFS)
	}
	f, flags, err := inner.OpenFilename(name, flags)
	if err == nil && flags&vfs.OPEN_WAL != 0 {
		f = &watchedLog{File: f}
	}
	return f, flags, err
}

type watchedLog struct {
	vfs.File

	writes int
}

// WriteAt implements vfs.File. A commit writes the log in many small parts; a third is reported.
func (w *watchedLog) WriteAt(p []byte, at int64) (int, error) {
	if w.writes++; w.writes%3 == 0 {
		moment.Reach(moment.Report{Kind: moment.Storing, Program: moment.Service})
	}
	return w.File.WriteAt(p, at)
}

// Sync implements vfs.File.
func (w *watchedLog) Sync(flags vfs.SyncFlag) error {
	moment.Reach(moment.Report{Kind: moment.Storing, Program: moment.Service})
	return w.File.Sync(flags)
}
