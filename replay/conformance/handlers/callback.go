package handlers

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// await creates a callback and waits for its outcome.
func await[T any](ctx op.Context, created op.Op[op.Callback[T]]) (T, error) {
	cb, err := replay.Run(ctx, created)
	if err != nil {
		var zero T
		return zero, err
	}
	return replay.Run(ctx, cb.Result())
}

func callback(ctx op.Context, name string) (string, error) {
	return await(ctx, op.CreateCallback[string](name))
}

func approval(ctx op.Context, _ op.None) (string, error) {
	return await(ctx, op.CreateCallback[string]("approval"))
}

func callbackTimesOut(ctx op.Context, name string) (string, error) {
	return await(ctx, op.CreateCallback[string](name, op.WithTimeout(5*time.Second)))
}

func callbackMissesHeartbeat(ctx op.Context, name string) (string, error) {
	return await(ctx, op.CreateCallback[string](name, op.WithHeartbeatTimeout(5*time.Second)))
}

func callbackWithHeartbeat(ctx op.Context, name string) (string, error) {
	return await(ctx, op.CreateCallback[string](name, op.WithHeartbeatTimeout(10*time.Second)))
}

func callbackAndStep(ctx op.Context, name string) (string, error) {
	cb, err := replay.Run(ctx, op.CreateCallback[string](name))
	if err != nil {
		return "", err
	}
	if err := replay.Exec(ctx, op.Step("announce", give(cb.ID))); err != nil {
		return "", err
	}
	return replay.Run(ctx, cb.Result())
}

// waitBeforeResult creates a callback, waits, and then asks for the outcome.
func waitBeforeResult(ctx op.Context, created op.Op[op.Callback[string]], d time.Duration) (string, error) {
	cb, err := replay.Run(ctx, created)
	if err != nil {
		return "", err
	}
	if err := replay.Exec(ctx, op.Wait("pause", d)); err != nil {
		return "", err
	}
	return replay.Run(ctx, cb.Result())
}

func callbackAndWait(ctx op.Context, name string) (string, error) {
	return waitBeforeResult(ctx, op.CreateCallback[string](name), 5*time.Second)
}

func callbackTimesOutDuringWait(ctx op.Context, name string) (string, error) {
	return waitBeforeResult(ctx, op.CreateCallback[string](name, op.WithTimeout(3*time.Second)), 6*time.Second)
}

func callbackThenWait(ctx op.Context, name string) (string, error) {
	out, err := await(ctx, op.CreateCallback[string](name))
	if err != nil {
		return "", err
	}
	return out, replay.Exec(ctx, op.Wait("pause", 2*time.Second))
}

func callbackFailsCaught(ctx op.Context, name string) (string, error) {
	message, err := await(ctx, op.CreateCallback[string](name))
	if err != nil {
		message = "failed: " + err.Error()
	}
	return message, replay.Exec(ctx, op.Wait("pause", 2*time.Second))
}

// Message is what the outside system sends.
type Message struct {
	ID      string `json:"id"`
	Text    string `json:"message"`
	Seconds int64  `json:"timestamp"`
}

// readMessage reads a message whose time is a text.
func readMessage(payload []byte) (Message, error) {
	var wire struct {
		ID   string    `json:"id"`
		Text string    `json:"message"`
		Time time.Time `json:"timestamp"`
	}
	err := json.Unmarshal(payload, &wire)
	return Message{ID: wire.ID, Text: wire.Text, Seconds: wire.Time.Unix()}, err
}

// Received is the result of a function that got a message.
type Received struct {
	Received Message `json:"received"`
}

func callbackOfMessage(ctx op.Context, name string) (Received, error) {
	c := codec.Of(func(m Message) ([]byte, error) { return json.Marshal(m) }, readMessage)
	m, err := await(ctx, op.CreateCallback[Message](name, op.WithCodec(c.Codec())))
	return Received{Received: m}, err
}

// Number is a number and twice the number.
type Number struct {
	Count   int `json:"count"`
	Doubled int `json:"doubled"`
}

func callbackOfNumber(ctx op.Context, name string) (Number, error) {
	c := codec.Of(
		func(n int) ([]byte, error) { return strconv.AppendInt(nil, int64(n), 10), nil },
		func(p []byte) (int, error) { return strconv.Atoi(string(p)) },
	)
	n, err := await(ctx, op.CreateCallback[int](name, op.WithCodec(c.Codec())))
	return Number{Count: n, Doubled: 2 * n}, err
}

func callbacksInTurn(ctx op.Context, names []string) ([]string, error) {
	var results []string
	for _, name := range names {
		out, err := await(ctx, op.CreateCallback[string](name))
		if err != nil {
			return nil, err
		}
		results = append(results, out)
	}
	return results, nil
}

// awaitAll creates two callbacks and waits for them in the given order.
func awaitAll(ctx op.Context, names []string, order ...int) ([]string, error) {
	callbacks := make([]op.Callback[string], len(names))
	for i, name := range names {
		cb, err := replay.Run(ctx, op.CreateCallback[string](name))
		if err != nil {
			return nil, err
		}
		callbacks[i] = cb
	}
	results := make([]string, len(names))
	for _, i := range order {
		out, err := replay.Run(ctx, callbacks[i].Result())
		if err != nil {
			return nil, err
		}
		results[i] = out
	}
	return results, nil
}

func callbacksInOrder(ctx op.Context, names []string) ([]string, error) {
	return awaitAll(ctx, names, 0, 1)
}

func callbacksInReverse(ctx op.Context, names []string) ([]string, error) {
	return awaitAll(ctx, names, 1, 0)
}
