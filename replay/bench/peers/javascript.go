package main

import (
	"bufio"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

//go:embed js/package.json js/package-lock.json js/peers.mjs
var programs embed.FS

// javaScriptSDK is the version that js/package.json names.
const javaScriptSDK = "2.4.0"

// javaScript runs the official JavaScript SDK, with a client that answers in its process. Without
// node and npm it is a row that says so.
func javaScript(ctx context.Context) (_ peer, err error) {
	p := peer{name: "official JavaScript SDK " + javaScriptSDK}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			p.note = "there is no " + tool
			return p, nil
		}
	}
	folder, err := os.MkdirTemp("", "peers-js-")
	if err != nil {
		return p, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}()
	files, err := fs.Sub(programs, "js")
	if err != nil {
		return p, err
	}
	if err := os.CopyFS(folder, files); err != nil {
		return p, err
	}
	const installing = 3 * time.Minute
	installed, cancel := context.WithTimeout(ctx, installing)
	defer cancel()
	npm := exec.CommandContext(installed, "npm", "ci", "--ignore-scripts")
	npm.Dir, npm.WaitDelay = folder, time.Second
	if out, err := npm.CombinedOutput(); err != nil {
		return p, fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	node := exec.CommandContext(ctx, "node", "peers.mjs", //nolint:gosec // numbers
		strconv.Itoa(replayed), strconv.Itoa(run), strconv.Itoa(resultBytes))
	node.Dir, node.Stderr, node.WaitDelay = folder, os.Stderr, time.Second
	asked, err := node.StdinPipe()
	if err != nil {
		return p, err
	}
	out, err := node.StdoutPipe()
	if err != nil {
		return p, err
	}
	if err := node.Start(); err != nil {
		return p, err
	}
	p.close = func() error { return errors.Join(asked.Close(), node.Wait(), os.RemoveAll(folder)) }
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		return p, errors.Join(fmt.Errorf("the JavaScript SDK: %q is not a sign that it is ready", lines.Text()), p.close())
	}
	ask := func(work string) func(context.Context) (float64, error) {
		return func(context.Context) (float64, error) {
			if _, err := io.WriteString(asked, work+"\n"); err != nil {
				return 0, err
			}
			if !lines.Scan() {
				return 0, errors.New("the program has ended")
			}
			if why, failed := strings.CutPrefix(lines.Text(), "failed: "); failed {
				return 0, errors.New(why)
			}
			return strconv.ParseFloat(lines.Text(), 64)
		}
	}
	p.replay, p.first = ask("replay"), ask("first-run")
	return p, nil
}
