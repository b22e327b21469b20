package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// records runs a workflow and returns the records that were written of it.
func records(t *testing.T, input string, fn func(ctx op.Context) (string, error), opts ...replay.RecordOption) []replay.ExecutionRecord {
	t.Helper()
	var out bytes.Buffer
	f := replay.Handler(func(ctx op.Context, _ any) (string, error) { return fn(ctx) },
		replay.WithInterceptors(replay.WriteRecords(&out, opts...)))
	newHome(t).drive(t, f, input)
	var all []replay.ExecutionRecord
	for line := range strings.Lines(out.String()) {
		var r replay.ExecutionRecord
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, r)
	}
	return all
}

// TestRecordHasTheWholeExecution: the last invocation writes of all of them.
func TestRecordHasTheWholeExecution(t *testing.T) {
	t.Parallel()
	got := records(t, `{"id":7}`, func(ctx op.Context) (string, error) {
		attempts := 0
		for i := range 2 {
			if err := replay.Exec(ctx, op.Step("pack", func(ctx context.Context) (int, error) {
				info, _ := op.InfoFrom(ctx)
				if attempts++; i == 1 && info.Attempt == 1 {
					return 0, errors.New("once")
				}
				return i, nil
			}, op.WithRetry(retry.Fixed(time.Minute))).Key(strconv.Itoa(i))); err != nil {
				return "", err
			}
		}
		_, _ = replay.Run(ctx, op.Group("gift", func(ctx op.Context) (string, error) {
			return "", replay.Exec(ctx, op.Do("wrap", func(context.Context) error { return errors.New("no paper") }, op.WithRetry(retry.Never())))
		}))
		return "sent", replay.Exec(ctx, op.Wait("pause", time.Hour))
	}, replay.WithRecordContent(true))
	if len(got) != 1 {
		t.Fatalf("%d records, want one of three invocations", len(got))
	}
	r := got[0]
	if r.Status != "SUCCEEDED" || r.Error != nil || string(r.Input) != `{"id":7}` || string(r.Output) != `"sent"` || r.ExecutionARN == "" {
		t.Errorf("the record is %+v, input %s, output %s", r, r.Input, r.Output)
	}
	if r.DurationMillis != 3_660_000 || r.EndTime.Sub(r.StartTime) != 61*time.Minute || !r.StartTime.Equal(dawn) || r.SchemaVersion != "1.0" {
		t.Errorf("it took %d ms, from %v to %v", r.DurationMillis, r.StartTime, r.EndTime)
	}
	if r.RecordType != "DurableExecutionTelemetry" {
		t.Errorf("the type of the record is %q", r.RecordType)
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(r.Operations)) {
		o := r.Operations[name]
		lines = append(lines, fmt.Sprintf("%s %s %s %d, %d failed, attempt %d, %d to %d, all %d",
			name, o.SubType, o.Status, o.Count, o.Failed, o.MaxAttempt, o.MinMillis, o.MaxMillis, o.TotalMillis))
	}
	want := []string{
		"gift RunInChildContext FAILED 1, 1 failed, attempt 0, 0 to 0, all 0",
		"pack[0] Step SUCCEEDED 1, 0 failed, attempt 1, 0 to 0, all 0",
		"pack[1] Step SUCCEEDED 1, 0 failed, attempt 2, 60000 to 60000, all 60000",
		"pause Wait SUCCEEDED 1, 0 failed, attempt 0, 3600000 to 3600000, all 3600000",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

// TestRecordNamesTheFunction: the parts of the ARN are members of their own, for queries.
func TestRecordNamesTheFunction(t *testing.T) {
	t.Parallel()
	r := records(t, "null", func(op.Context) (string, error) { return "", nil })[0]
	arn := fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s:%s/durable-execution/%s/", r.Region, r.AccountID, r.FunctionName, r.FunctionQualifier, r.ExecutionName)
	if !strings.HasPrefix(r.ExecutionARN, arn) {
		t.Errorf("the parts make %s, and the ARN is %s", arn, r.ExecutionARN)
	}
}

// TestRecordOfAFailure: it has the error, and by default no content.
func TestRecordOfAFailure(t *testing.T) {
	t.Parallel()
	got := records(t, `"secret"`, func(op.Context) (string, error) { return "", errors.New("refused") }, nil)
	if len(got) != 1 {
		t.Fatalf("%d records, want one", len(got))
	}
	r := got[0]
	if r.Status != "FAILED" || r.Error == nil || r.Error.Message != "refused" || r.Input != nil || r.Output != nil || len(r.Operations) != 0 {
		t.Errorf("the record is %+v", r)
	}
}

// fullDisk is a writer that fails.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

// TestRecordThatCannotBeWritten: the execution ends as it would.
func TestRecordThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(op.Context, op.None) (string, error) { return "fine", nil },
		replay.WithInterceptors(replay.WriteRecords(fullDisk{}), replay.WriteRecords(nil)))
	if diff := cmp.Diff(`SUCCEEDED "fine"`, end(newHome(t).drive(t, f, "null"))); diff != "" {
		t.Error(diff)
	}
}
