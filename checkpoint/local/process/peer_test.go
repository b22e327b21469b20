//go:build unix

package process_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// peerLine is what peer.py says of its execution after a word.
type peerLine struct {
	Port             int
	Word, Result     string
	Paused, Complete bool
	Operations       []string
}

// peer is the service of AWS's testing library for Python, in a process of its own.
type peer struct {
	t     *testing.T
	words io.WriteCloser
	lines *json.Decoder
}

// startPeer starts it with an execution of the function at an endpoint, and returns the address of
// its web server.
func startPeer(t *testing.T, l language, function string) (p *peer, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute) // it ends by itself
	cmd := exec.CommandContext(ctx, l.program, "peer.py", function, `{"id":"A-1"}`)
	cmd.Dir, cmd.WaitDelay = l.dir, time.Second
	cmd.Env = append(append(os.Environ(), l.env...), "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	words, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer cancel()
		_ = words.Close() // it ends then
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("the peer: %v\n%s", err, errs.String())
		}
	})
	p = &peer{t: t, words: words, lines: json.NewDecoder(bufio.NewReader(out))}
	var first peerLine
	if err := p.lines.Decode(&first); err != nil || first.Port == 0 {
		t.Fatalf("the peer says %+v: %v", first, err)
	}
	return p, fmt.Sprintf("http://127.0.0.1:%d", first.Port)
}

func (p *peer) ask(word string) peerLine {
	p.t.Helper()
	var line peerLine
	if _, err := io.WriteString(p.words, word+"\n"); err != nil {
		p.t.Fatal(err)
	}
	if err := p.lines.Decode(&line); err != nil || line.Word != word {
		p.t.Fatalf("the peer answers %q with %+v: %v", word, line, err)
	}
	return line
}

// TestPythonPeerPauses: the service of AWS's testing library pauses an execution of a function of
// perdure while a body runs. The function stops at its next call, is invoked once when the
// execution is resumed, and no body runs again that has a record: the one that ran has one unless
// that call was for its start.
func TestPythonPeerPauses(t *testing.T) { //nolint:paralleltest // it starts processes
	l := installPython(t)
	running, goOn, ready := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var bodies, invocations atomic.Int32
	var once sync.Once
	body := func(name string, then func()) op.Op[string] {
		return op.Step(name, func(context.Context) (string, error) {
			bodies.Add(1)
			then()
			return name, nil
		})
	}
	f := replay.Handler(func(ctx op.Context, in map[string]string) (string, error) {
		all := []string{in["id"]}
		for _, o := range []op.Op[string]{
			body("first", func() {}), body("second", func() { once.Do(func() { close(running) }); <-goOn }), body("third", func() {}),
		} {
			got, err := replay.Run(ctx, o)
			if err != nil {
				return "", err
			}
			all = append(all, got)
		}
		return strings.Join(all, " "), nil
	})
	var client checkpoint.Client
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		<-ready
		w.Header().Set("X-Amzn-Requestid", fmt.Sprint("request-", invocations.Add(1)))
		out, err := f.Invoke(checkpoint.WithClient(r.Context(), client), event)
		if err != nil {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			out, _ = json.Marshal(map[string]string{"errorType": "Error", "errorMessage": err.Error()})
		}
		_, _ = w.Write(out)
	}))
	t.Cleanup(server.Close)
	p, address := startPeer(t, l, server.URL)
	client = checkpoint.NewClient(sdkClient(address))
	close(ready)
	<-running
	if got := p.ask("pause"); !got.Paused || got.Complete {
		t.Errorf("asked for a pause: %+v", got)
	}
	close(goOn)
	again := int32(0)
	got := p.ask("paused")
	if slices.Contains(got.Operations, "second STARTED") {
		again = 1
	}
	if invocations.Load() != 1 || bodies.Load() != 2 || len(got.Operations) != 2 || !got.Paused {
		t.Errorf("paused after %d invocations and %d bodies: %+v", invocations.Load(), bodies.Load(), got)
	}
	if got := p.ask("resume"); got.Paused {
		t.Errorf("resumed: %+v", got)
	}
	if got := p.ask("end"); !got.Complete || got.Result != `"A-1 first second third"` || invocations.Load() != 2 || bodies.Load() != 3+again {
		t.Errorf("in the end, after %d invocations and %d bodies: %+v", invocations.Load(), bodies.Load(), got)
	}
}

// sdkClient returns the client of the AWS SDK for an endpoint, with keys that are not checked.
func sdkClient(endpoint string) *lambdaapi.Client {
	return lambdaapi.New(lambdaapi.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}, nil
		}),
	})
}
