// Package minio runs a MinIO server, a stand-in for Amazon S3 that keeps objects on disk and checks
// signatures, checksums and bit rot, for tests.
package minio

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// version is the last one that its authors have put into a module proxy.
const (
	version = "v0.0.0-20260212201848-7aac2a2c5b7c"
	program = "github.com/minio/minio"
)

// The credentials that servers take.
const (
	AccessKey = "perdure-test"
	SecretKey = "perdure-test-secret" //nolint:gosec // of a server of one test
)

// KMSKey is a key that servers can encrypt objects with.
const KMSKey = "perdure-key"

// Variable is the environment variable that has the server run when it is set.
const Variable = "PERDURE_MINIO"

// ErrOff says that [Variable] is not set: to build the server takes many minutes, so tests that
// need it are skipped then.
var ErrOff = errors.New(Variable + " is not set; MinIO needs a Go module proxy and many minutes to be built")

// Server is a server that runs.
type Server struct {
	// URL is its endpoint, Dir the folder with its objects.
	URL, Dir string

	cmd    *exec.Cmd
	output output
}

// output is what the server prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()

	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()

	return o.text.String()
}

// Start builds the server into the user's cache if it is not there, which takes many minutes, and
// runs it on a free port of the loopback interface, with its objects in a folder of its own. The
// error is [ErrOff] if [Variable] is not set.
func Start(ctx context.Context) (*Server, error) {
	if os.Getenv(Variable) == "" {
		return nil, ErrOff
	}

	binary, err := install(ctx)
	if err != nil {
		return nil, err
	}

	dir, err := os.MkdirTemp("", "perdure-minio-")
	if err != nil {
		return nil, fmt.Errorf("minio: %w", err)
	}

	address, err := freeAddress(ctx)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}

	s := &Server{URL: "http://" + address, Dir: dir}
	s.cmd = exec.CommandContext(ctx, binary, "server", dir, "--address", address, "--quiet") //nolint:gosec // the one that was built
	s.cmd.Env = append(os.Environ(), "HOME="+dir, "MINIO_ROOT_USER="+AccessKey, "MINIO_ROOT_PASSWORD="+SecretKey,
		"MINIO_BROWSER=off", "MINIO_UPDATE=off", "MINIO_REGION=eu-west-1",
		"MINIO_KMS_SECRET_KEY="+KMSKey+":"+base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)))
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.WaitDelay = &s.output, &s.output, time.Second

	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("minio: %w", err), os.RemoveAll(dir))
	}

	if err := s.ready(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("minio: %w; its output: %s", err, s.output.String())
	}

	return s, nil
}

// ready waits until the server takes requests.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()

	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/minio/health/live", nil)
		if err != nil {
			return err
		}

		if res, err := http.DefaultClient.Do(req); err == nil {
			err = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return err
			}
		}

		select {
		case <-ctx.Done():
			return errors.New("it does not answer within a minute")
		case <-time.After(100 * time.Millisecond): //nolint:forbidigo // a process starts in real time
		}
	}
}

// Close ends the server and removes its objects.
func (s *Server) Close() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.Dir)
}

// freeAddress returns an address of loopback that was free a moment ago.
func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("minio: %w", err)
	}

	return l.Addr().String(), l.Close()
}

// install returns the path of the program.
func install(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("minio: %w", err)
	}

	parent := filepath.Join(cache, "perdure")
	binary := filepath.Join(parent, "minio-"+version)

	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}

	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", fmt.Errorf("minio: %w", err)
	}

	draft, err := os.MkdirTemp(parent, "minio-")
	if err != nil {
		return "", fmt.Errorf("minio: %w", err)
	}
	defer os.RemoveAll(draft)

	cmd := exec.CommandContext(ctx, "go", "install", program+"@"+version)
	cmd.Dir, cmd.Env = draft, append(os.Environ(), "GOBIN="+draft, "GOWORK=off", "CGO_ENABLED=0")

	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("minio: go install %s@%s: %w: %s", program, version, err, bytes.TrimSpace(out))
	}

	if err := os.Rename(filepath.Join(draft, "minio"), binary); err != nil {
		return "", fmt.Errorf("minio: %w", err)
	}

	return binary, nil
}
