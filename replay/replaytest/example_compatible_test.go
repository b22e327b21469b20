package replaytest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing/fstest"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// named is a step whose result is its name.
func named(name string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return name, nil })
}

// current is the code that histories are recorded of.
var current = replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
	if err := replay.Exec(ctx, named("reserve")); err != nil {
		return "", err
	}
	return "reserved", replay.Exec(ctx, op.Wait("cool-off", time.Hour))
})

// recordedNow is a history of it.
func recordedNow() replaytest.History {
	service := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC))))
	defer service.Close()
	ctx := context.Background()
	_ = service.Host("order", current)
	execution, err := service.Start(ctx, "order", "o-1", []byte(`null`))
	if err != nil {
		fmt.Println(err)
		return replaytest.History{}
	}
	_ = execution.Drive(ctx)
	return replaytest.HistoryOf(execution)
}

func ExampleCompatible() {
	t := newTest()
	changed := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		if err := replay.Exec(ctx, named("reserve")); err != nil {
			return "", err
		}
		return "reserved", replay.Exec(ctx, named("thank"))
	})
	replaytest.Compatible(t, current, []replaytest.History{recordedNow()}) // it fits itself
	replaytest.Compatible(t, changed, []replaytest.History{recordedNow()})
	// Output:
	// o-1 after event 4 (WaitStarted of "cool-off"): example_compatible_test.go:52: an operation was inserted, renamed or moved before operations that have been recorded, or one of those was removed; the log has WAIT Wait "cool-off" (STARTED, ID cool-off-0748d7a5326c-1626707e3685df0a); the code declares STEP Step at "thank"; declare the change (docs/changing-code.md): op.Added(op.Step("thank", …), v) if it is new and executions past it get v, op.Replaces(op.Step("thank", …), op.Wait("cool-off", …)) if it stands for that, or op.Removed(op.Wait("cool-off", …)) before it if that is gone
}

func ExampleHistoryOf() {
	for _, e := range recordedNow().Events {
		fmt.Println(strings.TrimSpace(fmt.Sprint(e.ID, " ", e.Type, " ", e.Name)))
	}
	// Output:
	// 1 ExecutionStarted
	// 2 StepStarted reserve
	// 3 StepSucceeded reserve
	// 4 WaitStarted cool-off
	// 5 InvocationCompleted
	// 6 WaitSucceeded cool-off
	// 7 InvocationCompleted
	// 8 ExecutionSucceeded
}

func ExampleReadHistories() {
	file, _ := json.Marshal(recordedNow())
	histories, err := replaytest.ReadHistories(fstest.MapFS{"histories/o-1.json": {Data: file}}, "histories/*.json")
	fmt.Println(len(histories), histories[0].Name, len(histories[0].Events), err)
	// Output: 1 histories/o-1.json 8 <nil>
}

// greeting is current with another result.
var greeting = replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
	if err := replay.Exec(ctx, named("reserve")); err != nil {
		return "", err
	}
	return "thank you", replay.Exec(ctx, op.Wait("cool-off", time.Hour))
})

func ExampleWithOtherResults() {
	t := newTest()
	replaytest.Compatible(t, greeting, []replaytest.History{recordedNow()})
	replaytest.Compatible(t, greeting, []replaytest.History{recordedNow()}, replaytest.WithOtherResults())
	// Output: o-1 after event 8 (ExecutionSucceeded): it was recorded with the result "reserved", and the code makes "thank you" of the same log
}

func ExampleWithLossyAllowed() {
	t := newTest()
	// An execution began with an input that has a member more than today.
	h := recordedNow()
	h.Events[0].Input = checkpoint.TextPayload(`{"Customer":"ann","Note":"ring twice"}`)
	type order struct{ Customer string }
	today := replay.Handler(func(ctx op.Context, _ order) (string, error) {
		if err := replay.Exec(ctx, named("reserve")); err != nil {
			return "", err
		}
		return "reserved", replay.Exec(ctx, op.Wait("cool-off", time.Hour))
	})
	replaytest.Compatible(t, today, []replaytest.History{h})
	replaytest.Compatible(t, today, []replaytest.History{h}, replaytest.WithLossyAllowed())
	// Output: o-1 after event 1 (ExecutionStarted): the input has recorded members that have no place in replaytest_test.order: [.Note]; declare the change: replay.WithOldInput(func(Old) (In, error) {…}), in which Old is the type as it was
}

func ExampleWithUndecidedAllowed() {
	t := newTest()
	h := recordedNow()
	h.Events[0].Input = checkpoint.WithheldPayload("the service has cut it off")
	replaytest.Compatible(t, current, []replaytest.History{h})
	replaytest.Compatible(t, current, []replaytest.History{h}, replaytest.WithUndecidedAllowed())
	// Output: o-1 after event 1 (ExecutionStarted): not decided: a payload of the handler is withheld: the service has cut it off
}

func ExampleShape() {
	t := newTest()
	replaytest.Shape(t, "current.shape", current, []op.None{{}}) // testdata/current.shape has its lines

	thanking := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		for _, name := range []string{"check-fraud", "reserve"} {
			if err := replay.Exec(ctx, named(name)); err != nil {
				return "", err
			}
		}
		return "reserved", replay.Exec(ctx, op.Wait("cool-off", time.Hour))
	})
	replaytest.Shape(t, "current.shape", thanking, []op.None{{}})
	// Output:
	// replaytest: the shape is not that of testdata/current.shape; if that is meant: PERDURE_UPDATE=1 go test -run '^TestExample$'
	// declare: check-fraud is new before reserve: op.Added(op.Step("check-fraud", …), v) if it is new and executions past it get v
}
