package checkpoint_test

import (
	"encoding/json"
	"testing"

	"github.com/perdure/perdure/checkpoint"
)

// records is the size of the log in the benchmarks: the most operations an execution may have
// (AWS quotas: 3,000 durable operations per execution).
const records = 3000

// perRecord reports the time and the allocations of one record of a log of the usual size.
func perRecord(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
}

func event(tb testing.TB, ops []checkpoint.Operation) []byte {
	tb.Helper()
	b, err := checkpoint.EncodeInvocation(checkpoint.Invocation{
		ARN:        "arn:aws:lambda:us-east-1:123456789012:function:order:7/durable-execution/order-42/8f3c1a",
		Token:      "eyJ0b2tlbiI6MX0=",
		Operations: ops,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// plainInvocation is the least that encoding/json can be asked to do with an event of steps.
type plainInvocation struct {
	DurableExecutionArn, CheckpointToken string
	InitialExecutionState                struct {
		Operations []plainOperation
		NextMarker string
	}
}

type plainOperation struct {
	ID           string `json:"Id"`
	ParentID     string `json:"ParentId"`
	Name         string
	Type         string
	SubType      string
	Status       string
	Start        int64 `json:"StartTimestamp"`
	End          int64 `json:"EndTimestamp"`
	*StepDetails `json:"StepDetails"`
}

type StepDetails struct {
	Attempt int
	Result  json.RawMessage
}

func BenchmarkDecodeInvocation(b *testing.B) {
	payload := event(b, steps(records, 100))
	b.Run("perdure", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(payload)))
		for b.Loop() {
			if _, err := checkpoint.DecodeInvocation(payload); err != nil {
				b.Fatal(err)
			}
		}
		perRecord(b)
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(payload)))
		for b.Loop() {
			var o plainInvocation
			if err := json.Unmarshal(payload, &o); err != nil {
				b.Fatal(err)
			}
		}
		perRecord(b)
	})
	b.Run("one-record", func(b *testing.B) {
		payload := event(b, steps(1, 100))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := checkpoint.DecodeInvocation(payload); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncodeInvocation(b *testing.B) {
	inv := checkpoint.Invocation{ARN: "arn", Token: "token", Operations: steps(records, 100)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := checkpoint.EncodeInvocation(inv); err != nil {
			b.Fatal(err)
		}
	}
	perRecord(b)
}

func BenchmarkPayload(b *testing.B) {
	quoted, err := json.Marshal(`{"text":"` + string(make([]byte, 0)) + `a \"quoted\" word","items":[1,2,3],"name":"Zoë"}`)
	if err != nil {
		b.Fatal(err)
	}
	p := checkpoint.QuotedPayload(quoted)
	b.ReportAllocs()
	for b.Loop() {
		p.Bytes()
	}
}
