package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// recorded runs a workflow and prints some of its record.
func recorded(opts ...replay.RecordOption) {
	var out bytes.Buffer // os.Stdout on Lambda
	show(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.Step("charge", func(context.Context) (string, error) { return "paid", nil }))
	}, replay.WithInterceptors(replay.WriteRecords(&out, opts...)))
	var r replay.ExecutionRecord
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Status, "charge", r.Operations["charge"].Count, string(r.Output))
}

func ExampleWriteRecords() {
	recorded()
	// Output:
	// "paid" <nil>
	// SUCCEEDED charge 1
}

func ExampleWithRecordContent() {
	recorded(replay.WithRecordContent(true))
	// Output:
	// "paid" <nil>
	// SUCCEEDED charge 1 "paid"
}
