package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/awskms"
	"github.com/perdure/perdure/codec/compress"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/offload/filestore"
	"github.com/perdure/perdure/codec/s3store"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/internal/wire"
	"github.com/spf13/cobra"
)

// openFlags say what payloads are opened with. Without any of them payloads are shown as they are
// recorded.
type openFlags struct {
	keyring, objects string
	unpack           bool
}

func (a *app) addOpenFlags(cmd *cobra.Command, f *openFlags) {
	cmd.Flags().StringVar(&f.keyring, "keyring", "", "open sealed payloads with the keys in this file, or with kms:KEY of AWS KMS (default: they stay sealed)")
	cmd.Flags().StringVar(&f.objects, "objects", "", "read offloaded payloads from this folder, or from s3://BUCKET or s3://BUCKET/PREFIX (default: they are not read)")
	cmd.Flags().BoolVar(&f.unpack, "unpack", false, "decompress payloads; --keyring and --objects do so, too")
}

// openers makes openers that have their keys and their store in common: what is kept of them serves
// all executions. A nil one makes openers that open nothing.
type openers struct {
	a     *app
	keys  seal.Keyring  // nil for none
	store offload.Store // nil for none
}

// openers returns what opens payloads as the flags say.
func (a *app) openers(ctx context.Context, f openFlags) (*openers, error) {
	if f == (openFlags{}) {
		return nil, nil //nolint:nilnil // it opens nothing
	}
	s := &openers{a: a}
	var err error
	if f.keyring != "" {
		if s.keys, err = a.keys(ctx, f.keyring); err != nil {
			return nil, err
		}
	}
	if f.objects != "" {
		if s.store, err = a.objects(ctx, f.objects); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// of returns the opener of an execution.
func (s *openers) of(arn string) *opener {
	if s == nil {
		return nil
	}
	o := &opener{
		a: s.a, arn: arn, note: s.a.say, parents: make(map[string]string), functions: make(map[string]string),
		names: make(map[string]string), originals: make(map[string]bool),
	}
	transforms := []codec.Transform{compress.Zstd(), compress.Gzip()}
	if s.keys != nil {
		transforms = append(transforms, anyPlace{Transform: seal.New(s.keys), o: o})
	}
	if s.store != nil {
		transforms = append(transforms, offload.New(s.store, offload.AnyPlace()))
	}
	for i := range transforms {
		transforms[i] = codec.ReadOnly(transforms[i])
	}
	o.chain = codec.Chain(codec.JSON(), transforms...)
	return o
}

// opener opens the payloads of one execution. A nil one opens nothing.
type opener struct {
	a     *app
	arn   string
	chain codec.Codec

	// note says what becomes of one payload.
	note func(format string, args ...any)

	parents   map[string]string // of operations, by ID
	functions map[string]string // that operations invoke
	names     map[string]string
	originals map[string]bool // executions of which this one must be a fork: each is said once
}

// opener returns what opens the payloads of an execution as the flags say.
func (a *app) opener(ctx context.Context, arn string, f openFlags) (*opener, error) {
	s, err := a.openers(ctx, f)
	return s.of(arn), err
}

// hush has nothing be said of one payload: others say so, of many executions.
func (o *opener) hush() {
	if o != nil {
		o.note = func(string, ...any) {}
	}
}

// keys returns the keyring that a flag names.
func (a *app) keys(ctx context.Context, name string) (seal.Keyring, error) {
	key, ok := strings.CutPrefix(name, "kms:")
	if !ok {
		if _, err := os.Stat(name); err != nil {
			return nil, usage("--keyring: %w; a key of AWS KMS is written kms:KEY", err)
		}
		return seal.File(name), nil
	}
	if key == "" {
		return nil, usage("--keyring: kms: names no key; write kms:KEY, with the ID, the ARN or the alias of the key")
	}
	cfg, err := a.awsConfig(ctx)
	if err != nil {
		return nil, err
	}
	return awskms.New(kms.NewFromConfig(cfg), key), nil
}

// objects returns the store that a flag names.
func (a *app) objects(ctx context.Context, name string) (offload.Store, error) {
	path, ok := strings.CutPrefix(name, "s3://")
	if !ok {
		info, err := os.Stat(name)
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is no folder", name)
		}
		if err != nil {
			return nil, usage("--objects: %w; a bucket is written s3://BUCKET", err)
		}
		return filestore.Open(name)
	}
	bucket, prefix, _ := strings.Cut(path, "/")
	if bucket == "" {
		return nil, usage("--objects: s3:// names no bucket; write s3://BUCKET or s3://BUCKET/PREFIX")
	}
	cfg, err := a.awsConfig(ctx)
	if err != nil {
		return nil, err
	}
	var opts []s3store.Option
	if prefix != "" {
		opts = append(opts, s3store.WithPrefix(strings.TrimSuffix(prefix, "/")))
	}
	return s3store.New(s3.NewFromConfig(cfg), bucket, opts...), nil
}

// anyPlace opens what was sealed for a place of the execution that is shown, or of one that it was
// forked from.
type anyPlace struct {
	codec.Transform
	o *opener
}

// Revert opens a payload. A record does not say all of its place: an operation that passes on what
// one inside of it does has the payload sealed for itself, a history may call a function by another
// name than the code did, what a branch or a batch holds was sealed by an operation inside of it or
// by the function that it invokes, and nothing in it says from which execution this one was forked.
// What the payload says of it is authenticated.
func (p anyPlace) Revert(ctx context.Context, at codec.Stage, sealed []byte) ([]byte, error) {
	info, err := seal.Inspect(sealed)
	if err != nil {
		return nil, err
	}
	from, m := info.Origin, p.o.inside(info.Origin, at.Meta)
	if !from.Fits(m) && (p.o.around(m.OperationID, from.Operation) || p.o.around(from.Operation, m.OperationID)) {
		m.OperationID, m.Function = from.Operation, from.Function
		if m.Part == codec.PartResult && from.Part == codec.PartState {
			m.Part = from.Part
		}
		if from.Execution != m.ExecutionARN {
			m.ForkedFrom = []string{from.Execution}
			p.o.forked(at.Meta, from.Execution)
		}
	}
	at.Meta = m
	return p.Transform.Revert(ctx, at, sealed)
}

// inside returns the place of an invoke inside of an operation, if what a payload says of itself
// fits it: the function that was invoked has sealed it, and batches and branches pass it on.
func (o *opener) inside(from seal.Origin, m codec.Meta) codec.Meta {
	if from.Fits(m) || from.Operation != "" || m.OperationID == "" {
		return m
	}
	for id, function := range o.functions {
		inner := m
		inner.OperationID, inner.Function = id, function
		if o.around(id, m.OperationID) && from.Fits(inner) {
			return inner
		}
	}
	return m
}

// forked says that what is opened was sealed in another execution, once for each.
func (o *opener) forked(m codec.Meta, original string) {
	if !o.originals[original] {
		o.originals[original] = true
		o.note("%s was sealed in execution %s, of which this one must be a fork: the keyring cannot know whether it is, "+
			"and this is not said of what else was sealed there", placeOf(m), original)
	}
}

// around reports whether an operation is another one, or inside of it.
func (o *opener) around(id, outer string) bool {
	for range len(o.parents) + 1 {
		if id == outer {
			return true
		}
		if id == "" {
			return false
		}
		id = o.parents[id]
	}
	return false
}

func placeOf(m codec.Meta) string {
	if m.OperationID == "" {
		return "the " + m.Part.String() + " of the handler"
	}
	return fmt.Sprintf("the %s of operation %q", m.Part, m.OperationName)
}

func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.Err, "perdure: "+format+"\n", args...)
}

// meta says which payload of an operation a part is, or of the handler if the ID is empty.
func (o *opener) meta(id string, part codec.Part) codec.Meta {
	return codec.Meta{
		ExecutionARN: o.arn, OperationID: id, OperationName: o.names[id], Part: part, Function: o.functions[id],
	}
}

// text opens a payload. One that cannot be opened stays as it is, and a warning says why.
func (o *opener) text(ctx context.Context, m codec.Meta, payload string) string {
	if through, err := codec.TransformsOf([]byte(payload)); err == nil && len(through) == 0 {
		return payload
	}
	ctx, cancel := context.WithTimeout(ctx, o.a.timeout)
	defer cancel()
	plain, _, err := codec.Open(ctx, o.chain, m, []byte(payload))
	if err != nil {
		o.note("%s stays closed: %v", placeOf(m), err)
		return payload
	}
	return string(plain)
}

// failure opens an error that has passed a codec.
func (o *opener) failure(ctx context.Context, id string, f *checkpoint.Failure) *checkpoint.Failure {
	if o == nil || f == nil {
		return f
	}
	var data struct {
		Perdure struct {
			Closed *string `json:"encoded"`
		} `json:"perdure"`
	}
	if json.Unmarshal([]byte(f.Data), &data) != nil || data.Perdure.Closed == nil {
		return f
	}
	var text struct {
		Message string   `json:"message"`
		Data    string   `json:"data"`
		Stack   []string `json:"stack"`
	}
	plain := o.text(ctx, o.meta(id, codec.PartFailure), *data.Perdure.Closed)
	if json.Unmarshal([]byte(plain), &text) != nil {
		return f
	}
	return &checkpoint.Failure{Type: f.Type, Message: text.Message, Data: text.Data, Stack: text.Stack}
}

// open opens what events hold. It is given all events of the execution, in order.
func (o *opener) open(ctx context.Context, events []local.Event) {
	o.openOnly(ctx, events, func(string) bool { return true })
}

// openOnly opens what events of some operations hold; the ID of the execution is empty. It is given
// all events of the execution, in order.
func (o *opener) openOnly(ctx context.Context, events []local.Event, chosen func(id string) bool) {
	if o == nil {
		return
	}
	for i := range events {
		e := &events[i]
		id := idOf(e)
		if id != "" {
			o.parents[id], o.names[id] = e.ParentID, e.Name
		}
		if e.Function != "" {
			o.functions[id] = e.Function
		}
		if !chosen(id) {
			continue
		}
		if known(e.Input) {
			e.Input = checkpoint.TextPayload(o.text(ctx, o.meta(id, codec.PartInput), e.Input.String()))
		}
		if known(e.Result) {
			e.Result = checkpoint.TextPayload(o.result(ctx, id, e.Result.String()))
		}
		if e.Type != local.EventInvocationCompleted {
			e.Failure = o.failure(ctx, id, e.Failure)
		}
	}
}

// known reports whether there is a payload, and its text is known: a history may have cut it off.
func known(p checkpoint.Payload) bool {
	_, withheld := p.Withheld()
	return p.Present() && !withheld
}

// idOf returns the ID of the operation that an event is of, empty for the execution itself: what
// the handler is given and returns.
func idOf(e *local.Event) string {
	if strings.HasPrefix(string(e.Type), "Execution") {
		return ""
	}
	return e.OperationID
}

// result opens the result of an operation, and of a batch what it keeps of its branches.
func (o *opener) result(ctx context.Context, id, payload string) string {
	envelope, ok := wire.ReadEnvelope([]byte(payload))
	if !ok {
		return o.text(ctx, o.meta(id, codec.PartResult), payload)
	}
	for i := range envelope.Items {
		it := &envelope.Items[i]
		if it.Payload != nil {
			plain := o.text(ctx, o.meta(id, codec.PartResult), *it.Payload)
			it.Payload = &plain
		}
		it.Failure = (*wire.Failure)(o.failure(ctx, id, (*checkpoint.Failure)(it.Failure)))
	}
	return string(envelope.Encode())
}

// openLog opens what a log holds.
func (o *opener) openLog(ctx context.Context, log checkpoint.Invocation) checkpoint.Invocation {
	if o == nil {
		return log
	}
	log.Operations = slices.Clone(log.Operations)
	for i := range log.Operations {
		if rec := &log.Operations[i]; rec.Kind != checkpoint.KindExecution {
			o.parents[rec.ID], o.names[rec.ID] = rec.ParentID, rec.Name
		}
	}
	for i := range log.Operations {
		rec := &log.Operations[i]
		_, withheld := rec.Payload.Withheld()
		switch {
		case withheld:
		case rec.Kind == checkpoint.KindExecution:
			rec.Payload = checkpoint.TextPayload(o.text(ctx, o.meta("", codec.PartInput), rec.Payload.String()))
		case rec.Payload.Present():
			rec.Payload = checkpoint.TextPayload(o.result(ctx, rec.ID, rec.Payload.String()))
		}
		rec.Failure = o.failure(ctx, rec.ID, rec.Failure)
	}
	return log
}

// openExecution opens what an execution was given and how it ended.
func (o *opener) openExecution(ctx context.Context, e *lambdaapi.GetDurableExecutionOutput) {
	if o == nil {
		return
	}
	for payload, part := range map[*string]codec.Part{e.InputPayload: codec.PartInput, e.Result: codec.PartResult} {
		if payload != nil {
			*payload = o.text(ctx, o.meta("", part), *payload)
		}
	}
	if f := o.failure(ctx, "", failureOf(e.Error)); f != nil {
		e.Error = &lambdatypes.ErrorObject{ErrorType: &f.Type, ErrorMessage: &f.Message, ErrorData: &f.Data, StackTrace: f.Stack}
	}
}
