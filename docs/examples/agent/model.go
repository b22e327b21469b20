package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/retry"
)

// The errors of a model. All but ErrRejected may go away.
var (
	ErrOverloaded = errors.New("the model is overloaded")
	ErrCutOff     = errors.New("the reply was cut off")
	ErrSilent     = errors.New("the model has stopped talking")
	ErrRejected   = errors.New("the model rejects the request")
)

// Model is a client of a language model that streams its replies.
type Model struct {
	URL    string
	Client *http.Client
	// Patience is how long it may say nothing.
	Patience time.Duration
	// In and Out are the prices of a token.
	In, Out Micros
}

// Chunk is a part of a reply, for someone who watches. A chunk of a later attempt replaces what
// those before it have said in this turn.
type Chunk struct {
	Turn, Attempt int
	Text          string
}

// request is what the model is sent.
type request struct {
	Messages []Message `json:"messages"`
	Tools    []string  `json:"tools"`
}

// event is a part of its reply.
type event struct {
	Text  string `json:"text,omitempty"`
	Call  *Call  `json:"call,omitempty"`
	Usage *usage `json:"usage,omitempty"`
}

type usage struct {
	In  int64 `json:"in"`
	Out int64 `json:"out"`
}

// Ask asks the model, which may call tools, and gives show what it says on the way. A request that
// is repeated costs again: the model knows no idempotency keys.
func (m *Model) Ask(ctx context.Context, p Prompt, tools []string, show func(context.Context, Chunk)) (Reply, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	silence := time.AfterFunc(m.Patience, func() { stop(ErrSilent) })
	defer silence.Stop()
	body, err := json.Marshal(request{p.Talk, tools})
	if err != nil {
		return Reply{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(body))
	if err != nil {
		return Reply{}, err
	}
	res, err := m.Client.Do(req)
	if err != nil {
		return Reply{}, causeOf(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := refusal(res); err != nil {
		return Reply{}, err
	}
	info, _ := op.InfoFrom(ctx)
	var reply Reply
	for e, err := range events(res.Body) {
		if err != nil {
			return Reply{}, causeOf(ctx, err)
		}
		silence.Reset(m.Patience)
		switch {
		case e.Call != nil:
			reply.Calls = append(reply.Calls, *e.Call)
		case e.Usage != nil:
			reply.Cost = m.In*Micros(e.Usage.In) + m.Out*Micros(e.Usage.Out)
		default:
			reply.Text += e.Text
			show(ctx, Chunk{Turn: p.Turn, Attempt: info.Attempt, Text: e.Text})
		}
	}
	op.LoggerFrom(ctx).InfoContext(ctx, "replied", slog.Int("calls", len(reply.Calls)), slog.String("cost", reply.Cost.String()))
	return reply, nil
}

// causeOf is why a request has failed: ErrSilent if that was the reason for giving it up.
func causeOf(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), ErrSilent) {
		return ErrSilent
	}
	return err
}

// refusal is the error of an answer that is no reply.
func refusal(res *http.Response) error {
	switch {
	case res.StatusCode == http.StatusOK:
		return nil
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= http.StatusInternalServerError:
		seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if err != nil {
			return ErrOverloaded
		}
		return retry.After(time.Duration(seconds)*time.Second, ErrOverloaded)
	default:
		text, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		return errors.Join(fmt.Errorf("%w: %s: %s", ErrRejected, res.Status, bytes.TrimSpace(text)), err)
	}
}

// events reads what a model streams. A stream that ends before the model says so is an error.
func events(r io.Reader) func(yield func(event, error) bool) {
	return func(yield func(event, error) bool) {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			if !ok {
				continue
			}
			if data == "[DONE]" {
				return
			}
			var e event
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				yield(event{}, fmt.Errorf("%w: %w", ErrCutOff, err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(event{}, fmt.Errorf("%w: %w", ErrCutOff, err))
			return
		}
		yield(event{}, ErrCutOff)
	}
}
