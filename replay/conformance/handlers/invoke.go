package handlers

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// The functions that are called.
const (
	echoTarget = "echo:live"
	failTarget = "fail:live"
)

// echo results in what it is given.
func echo(_ op.Context, in any) (any, error) { return in, nil }

// fail fails.
func fail(op.Context, any) (any, error) { return nil, errors.New("the target refuses") }

func invokeEcho(ctx op.Context, in string) (string, error) {
	return replay.Run(ctx, op.Invoke[string]("call-echo", echoTarget, in))
}

// Call is an input that says how to call.
type Call struct {
	Name     string `json:"name"`
	TenantID string `json:"tenantId"`
	Payload  string `json:"payload"`
}

func invokeNamed(ctx op.Context, in Call) (string, error) {
	return replay.Run(ctx, op.Invoke[string](in.Name, echoTarget, in.Payload))
}

func invokeWithNull(ctx op.Context, in any) (any, error) {
	return replay.Run(ctx, op.Invoke[any]("call-echo", echoTarget, in))
}

func invokeFails(ctx op.Context, in any) (any, error) {
	return replay.Run(ctx, op.Invoke[any]("call-fail", failTarget, in))
}

// Blob is a large payload.
type Blob struct {
	Data string `json:"data"`
}

func invokeLarge(ctx op.Context, _ op.None) (int, error) {
	blob, err := replay.Run(ctx, op.Invoke[Blob]("call-echo", echoTarget, Blob{Data: strings.Repeat("x", 200_000)}))
	return len(blob.Data), err
}

func invokeForTenant(ctx op.Context, in Call) (string, error) {
	return replay.Run(ctx, op.Invoke[string]("call-echo", echoTarget, in.Payload, op.WithTenant(in.TenantID)))
}

func invokeThenWait(ctx op.Context, in any) (any, error) {
	out, err := replay.Run(ctx, op.Invoke[any]("call-echo", echoTarget, in))
	if err != nil {
		return nil, err
	}
	return out, replay.Exec(ctx, op.Wait("pause", time.Second))
}

func invokeFailsCaught(ctx op.Context, in any) (string, error) {
	message := "nothing"
	if err := replay.Exec(ctx, op.Invoke[any]("call-fail", failTarget, in)); err != nil {
		message = err.Error()
	}
	return message, replay.Exec(ctx, op.Wait("pause", time.Second))
}

func invokeThenStep(ctx op.Context, in any) (any, error) {
	out, err := replay.Run(ctx, op.Invoke[any]("call-echo", echoTarget, in))
	if err != nil {
		return nil, err
	}
	return replay.Run(ctx, op.Step("use", give(out)))
}

func invokeInGroup(ctx op.Context, in any) (any, error) {
	return replay.Run(ctx, op.Group("child", run(op.Invoke[any]("call-echo", echoTarget, in))))
}

func invokeTwice(ctx op.Context, in any) (any, error) {
	first, err := replay.Run(ctx, op.Invoke[any]("call-first", echoTarget, in))
	if err != nil {
		return nil, err
	}
	return replay.Run(ctx, op.Invoke[any]("call-second", echoTarget, first))
}

func invokeWithCodec(ctx op.Context, in Blob) (Blob, error) {
	shout := codec.Of(
		func(b Blob) ([]byte, error) { return json.Marshal(Blob{Data: strings.ToUpper(b.Data)}) },
		func(p []byte) (b Blob, err error) { return b, json.Unmarshal(p, &b) },
	)
	return replay.Run(ctx, op.Invoke[Blob]("call-echo", echoTarget, in, op.WithInputCodec(shout.Codec())))
}
