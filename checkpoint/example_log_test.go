package checkpoint_test

import (
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// reserved is a log in which one step has finished.
func reserved() *checkpoint.Log {
	return checkpoint.NewLog([]checkpoint.Operation{
		{
			ID: "8f3c1a", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted,
			Payload: checkpoint.TextPayload(`{"orderId":42}`),
		},
		{
			ID: checkpoint.ID("", "reserve-stock", "", 0), Name: "reserve-stock",
			Kind: checkpoint.KindStep, Status: checkpoint.StatusSucceeded, Payload: checkpoint.TextPayload(`"hold-7"`),
		},
	})
}

func ExampleNewLog() {
	log := reserved()
	fmt.Println(log.Len())
	// Output: 1
}

func ExampleLog_Execution() {
	execution, ok := reserved().Execution()
	fmt.Println(execution.Payload, ok)
	// Output: {"orderId":42} true
}

func ExampleLog_Get() {
	op, ok := reserved().Get(checkpoint.ID("", "reserve-stock", "", 0))
	fmt.Println(op.Status, op.Payload, ok)
	// Output: SUCCEEDED "hold-7" true
}

func ExampleLog_Claim() {
	log := reserved()
	scope := checkpoint.NewScope("")
	var buf [64]byte
	for _, name := range []string{"reserve-stock", "charge-card", "charge-card"} {
		op, id, first := log.Claim(scope.AppendID(buf[:0], name, "", 0))
		fmt.Println(id, op != nil, first)
	}
	// Output:
	// reserve-stock-0748d7a5326c-854f6517190c4c9e true true
	// charge-card-0748d7a5326c-f73875645a23490b false true
	// charge-card-0748d7a5326c-f73875645a23490b false false
}

func ExampleLog_Merge() {
	log := reserved()
	reply := []checkpoint.Operation{{
		ID: checkpoint.ID("", "charge-card", "", 0), Name: "charge-card",
		Kind: checkpoint.KindStep, Status: checkpoint.StatusStarted,
	}}
	for _, op := range log.Merge(reply) {
		fmt.Println(op.Name, op.Status)
	}
	// Output: charge-card STARTED
}

func ExampleLog_Apply() {
	log := reserved()
	op := log.Apply(checkpoint.Update{
		ID: checkpoint.ID("", "cool-off", "", 0), Name: "cool-off",
		Kind: checkpoint.KindWait, Action: checkpoint.ActionStart, Wait: time.Hour,
	}, time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC))
	fmt.Println(op.Status, "until", op.ScheduledEnd.Format(time.TimeOnly))
	// Output: STARTED until 04:00:00
}

func ExampleLog_Unclaimed() {
	log := reserved()
	root := checkpoint.NewScope("")
	fmt.Println(log.Unclaimed(root))
	log.Claim(root.AppendID(nil, "reserve-stock", "", 0))
	fmt.Println(log.Unclaimed(root))
	// Output:
	// 1
	// 0
}

func ExampleLog_AllClaimed() {
	log := reserved()
	fmt.Println(log.AllClaimed())
	log.Claim([]byte(checkpoint.ID("", "reserve-stock", "", 0)))
	fmt.Println(log.AllClaimed())
	// Output:
	// false
	// true
}

func ExampleLog_UnclaimedRecords() {
	log := reserved()
	root := checkpoint.NewScope("")
	log.Claim(root.AppendID(nil, "reserve-items", "", 0)) // renamed in the code
	for _, op := range log.UnclaimedRecords(root) {
		fmt.Println("the code no longer declares", op.Name)
	}
	// Output: the code no longer declares reserve-stock
}

func ExampleLog_Records() {
	for op := range reserved().Records() {
		fmt.Println(op.Name, op.Status)
	}
	// Output: reserve-stock SUCCEEDED
}
