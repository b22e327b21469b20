package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// watchInterval is how often files are looked at. Polling finds every change on every file system.
const watchInterval = 300 * time.Millisecond

// watchAll builds functions again when their files change, until ctx ends.
func (s *site) watchAll(ctx context.Context) {
	for {
		wait, cancel := context.WithTimeout(ctx, watchInterval)
		<-wait.Done()
		cancel()
		if ctx.Err() != nil {
			return
		}
		for _, f := range s.functions {
			if maps.Equal(f.seen.refresh(), f.seen) {
				continue
			}
			if err := f.rebuild(ctx); err != nil && ctx.Err() == nil {
				s.say("%v\n%s", err, f.instead())
			}
		}
	}
}

// stamps are files and folders with what shows whether they have changed.
type stamps map[string]mark

type mark struct {
	at   time.Time
	size int64
}

// refresh looks at the files again.
func (s stamps) refresh() stamps {
	now := make(stamps, len(s))
	for path := range s {
		now.add(path)
	}
	return now
}

func (s stamps) add(path string) {
	var m mark
	if info, err := os.Stat(path); err == nil {
		m = mark{info.ModTime(), info.Size()}
		if info.IsDir() {
			m.size = 0 // its time shows files that come and go
		}
	}
	s[path] = m
}

// listed is a package as go list prints it.
type listed struct {
	Dir        string        `json:"Dir"`
	Standard   bool          `json:"Standard"`
	Module     *listedModule `json:"Module"`
	GoFiles    []string      `json:"GoFiles"`
	EmbedFiles []string      `json:"EmbedFiles"`
}

type listedModule struct {
	GoMod   string `json:"GoMod"`
	Version string `json:"Version"`
	Replace *struct {
		Path string `json:"Path"`
	} `json:"Replace"`
}

// look returns the files that the function is built from, those of the module cache and of Go
// itself left out.
func (f *function) look(ctx context.Context) stamps {
	all := make(stamps)
	all.add(f.path)
	cmd := exec.CommandContext(ctx, "go", "list", "-e", "-deps", "-json=Dir,Standard,Module,GoFiles,EmbedFiles", ".")
	cmd.Dir = f.path
	out, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		return all
	}
	for dec := json.NewDecoder(out); ; {
		var p listed
		if err := dec.Decode(&p); err != nil {
			if !errors.Is(err, io.EOF) {
				break
			}
			_ = cmd.Wait() // what it has found is what there is
			return all
		}
		if p.Standard || p.Module == nil || p.Module.Version != "" && p.Module.Replace == nil {
			continue
		}
		all.add(p.Dir)
		all.add(p.Module.GoMod)
		for _, name := range append(p.GoFiles, p.EmbedFiles...) {
			all.add(filepath.Join(p.Dir, name))
		}
	}
	_ = cmd.Wait() // as above
	return all
}
