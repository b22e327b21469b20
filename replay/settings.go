package replay

import (
	"log/slog"
	"os"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/rehearsal"
	"github.com/perdure/perdure/replay/internal/engine"
	"github.com/perdure/perdure/retry"
)

// settings are what the options of a handler say. They do not change after it was made.
type settings struct {
	engine.Config

	client       checkpoint.Client // nil: from the context or the environment
	logs         slog.Handler      // nil: that of slog.Default
	interceptors []Interceptor
	oldInputs    []oldInput
	rehearses    bool  // it answers rehearsals, and carries out no invocations
	err          error // what is wrong with the options
	chosen       bool  // an option says what a divergence does
}

// defaultInterruptions is the default of WithMaxInterruptions.
const defaultInterruptions = 3

func newSettings(opts []HandlerOption) *settings {
	set := &settings{Config: engine.Config{
		Builtin: engine.Builtin(), ReadyStart: true, Grace: time.Second, Cuts: defaultInterruptions, Diverged: diverged,
		Steps: engine.StepDefaults{Default: retry.Default(), Never: retry.Never()},
	}}
	for _, o := range opts {
		if o != nil {
			o.apply(set)
		}
	}
	set.divergenceFromEnv()
	set.defaultCodecs()
	set.rehearses = os.Getenv(rehearsal.Variable) != ""
	if set.logs == nil {
		set.logs = onLambda()
	}
	set.Logs.Handler = set.handler
	return set
}

// defaultCodecs sets the codecs that no option names.
func (set *settings) defaultCodecs() {
	own := codec.JSON()
	if set.Strict {
		own = codec.Strict()
	}
	if set.Codec == nil {
		set.Codec, set.OutsideCodec = own, codec.JSON()
	}
	if set.HandlerCodec == nil {
		set.HandlerCodec = own
	}
}

// refuse notes what is wrong with the options; the first counts.
func (set *settings) refuse(err error) {
	if set.err == nil {
		set.err = err
	}
}

// handler is what records are written to. The execution's loggers know where they belong without
// the help of a [LogHandler].
func (set *settings) handler() slog.Handler {
	h := set.logs
	if h == nil {
		h = slog.Default().Handler()
	}
	if aware, ok := h.(*logHandler); ok {
		h = aware.inner
	}
	return h
}
