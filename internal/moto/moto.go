// Package moto runs moto's server, a stand-in for AWS services, for tests.
package moto

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

const (
	version  = "5.2.5"
	packages = "moto[s3,kms,server]==" + version
)

// Variable is the environment variable that has the server run when it is set.
const Variable = "PERDURE_MOTO"

// ErrOff says that [Variable] is not set: to install the server takes minutes, so tests that need
// it are skipped then.
var ErrOff = errors.New(Variable + " is not set; moto's server needs python3, pip and a registry")

// Server is a server that runs.
type Server struct {
	// URL is its endpoint for all services.
	URL string

	cmd    *exec.Cmd
	output *bytes.Buffer
	done   chan struct{} // closed when its output has ended
}

// Start installs the server in the user's cache if it is not there, which takes minutes, and runs
// it on a free port of the loopback interface. The error is [ErrOff] if [Variable] is not set.
func Start(ctx context.Context) (*Server, error) {
	if os.Getenv(Variable) == "" {
		return nil, ErrOff
	}

	python, err := exec.LookPath("python3")
	if err != nil {
		return nil, fmt.Errorf("moto: %w", err)
	}

	dir, err := install(ctx, python)
	if err != nil {
		return nil, err
	}

	s := &Server{output: &bytes.Buffer{}, done: make(chan struct{})}
	s.cmd = exec.CommandContext(ctx, python, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0") //nolint:gosec // python3 from PATH
	s.cmd.Env = append(os.Environ(), "PYTHONPATH="+dir, "PYTHONUNBUFFERED=1")

	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}

	s.cmd.Stdout, s.cmd.Stderr = in, in

	if err := errors.Join(s.cmd.Start(), in.Close()); err != nil {
		return nil, errors.Join(err, out.Close())
	}

	found := make(chan string, 1)
	go s.read(out, found)

	select {
	case s.URL = <-found:
		return s, nil
	case <-s.done:
		err = errors.New("it ended")
	case <-time.After(time.Minute): //nolint:forbidigo // a process starts in real time
		err = errors.New("it does not say on which port it listens")
	}

	s.Close()

	return nil, fmt.Errorf("moto: %w; its output: %s", err, s.output)
}

// read finds the address in the output, and reads on until it ends.
func (s *Server) read(out io.ReadCloser, found chan<- string) {
	defer close(s.done)
	defer out.Close()

	address := regexp.MustCompile(`http://127\.0\.0\.1:[1-9][0-9]*`)

	for lines := bufio.NewScanner(out); lines.Scan(); {
		if url := address.FindString(lines.Text()); url != "" {
			found <- url

			_, _ = io.Copy(io.Discard, out)

			return
		}

		s.output.WriteString(lines.Text() + "\n")
	}
}

// Close ends the server.
func (s *Server) Close() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	<-s.done
}

// install returns the folder with the packages.
func install(ctx context.Context, python string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("moto: %w", err)
	}

	parent := filepath.Join(cache, "perdure")
	dir := filepath.Join(parent, "moto-"+version)

	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}

	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", fmt.Errorf("moto: %w", err)
	}

	// Tests of several packages may install it at once: whoever is first gives it its name.
	draft, err := os.MkdirTemp(parent, "moto-")
	if err != nil {
		return "", fmt.Errorf("moto: %w", err)
	}
	defer os.RemoveAll(draft)

	cmd := exec.CommandContext(ctx, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", //nolint:gosec // constants
		"--target", draft, packages)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("moto: python3 -m pip install %s: %w: %s", packages, err, bytes.TrimSpace(out))
	}

	if err := os.Rename(draft, dir); err != nil {
		if _, other := os.Stat(dir); other != nil {
			return "", err
		}
	}

	return dir, nil
}
