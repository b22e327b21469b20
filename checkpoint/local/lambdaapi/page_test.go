package lambdaapi_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
)

// fileStore is a store that is not a MemoryStore, as far as the service can say, and that can lose
// an execution.
type fileStore struct {
	local.Store

	mu      sync.Mutex
	deleted string
}

func (f *fileStore) delete(arn string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deleted = arn
}

func (f *fileStore) List(q local.Query) ([]local.ExecutionRecord, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if q.After != "" && q.After == f.deleted {
		return nil, local.ErrNotFound
	}
	return f.Store.List(q)
}

// The pages of a history are the same whether the execution runs and is in memory, or has ended and
// is read from the store.
func TestPagesOfAHistory(t *testing.T) {
	t.Parallel()
	svc := local.New(local.WithStore(&fileStore{Store: local.NewMemoryStore()}))
	defer svc.Close()
	client := serve(t, svc)
	if err := svc.Host("approval", through(client, function(approval))); err != nil {
		t.Fatal(err)
	}
	arn, callback := asked(t, svc, client, "paged")
	check := func(state string) {
		t.Helper()
		var want []string
		for i, kind := range eventTypes(t, client, arn, 1000, false) {
			want = append(want, fmt.Sprint(i+1, " ", kind))
		}
		if len(want) < 3 {
			t.Fatalf("%s: the history has %d events: too few to distinguish pages", state, len(want))
		}
		for items := 1; items <= len(want)+1; items++ {
			for _, reverse := range []bool{false, true} {
				got := pagesOf(t, client, arn, items, reverse)
				if reverse {
					slices.Reverse(got)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: pages of %d, reverse %v (-want +got):\n%s", state, items, reverse, diff)
				}
			}
		}
	}
	check("running")
	if err := svc.CompleteCallback(callback, []byte(`"yes"`)); err != nil {
		t.Fatal(err)
	}
	for _, e := range svc.Executions() { // it leaves the memory when it has ended
		if err := e.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	check("ended")
}

// pagesOf reads a history page by page, and checks that none is longer than asked for.
func pagesOf(t *testing.T, client *lambdaapi.Client, arn string, items int, reverse bool) (events []string) {
	t.Helper()
	in := &lambdaapi.GetDurableExecutionHistoryInput{
		DurableExecutionArn: &arn, MaxItems: int32(items), ReverseOrder: &reverse,
	}
	for {
		out, err := client.GetDurableExecutionHistory(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Events) > items || len(out.Events) == 0 {
			t.Fatalf("a page has %d events, of at most %d", len(out.Events), items)
		}
		for _, e := range out.Events {
			events = append(events, fmt.Sprint(aws.ToInt32(e.EventId), " ", e.EventType))
		}
		if in.Marker = out.NextMarker; aws.ToString(in.Marker) == "" {
			return events
		}
	}
}

// A list whose marker names an execution that was deleted meanwhile says so: it does not end as if
// there were no more.
func TestAListDoesNotEndAtAnExecutionThatWasDeleted(t *testing.T) {
	t.Parallel()
	store := &fileStore{Store: local.NewMemoryStore()}
	svc := local.New(local.WithStore(store))
	defer svc.Close()
	client := serve(t, svc)
	if err := svc.Host("approval", through(client, function(approval))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c"} {
		asked(t, svc, client, name)
	}
	in := &lambdaapi.ListDurableExecutionsByFunctionInput{FunctionName: aws.String("approval"), MaxItems: 1}
	page, err := client.ListDurableExecutionsByFunction(t.Context(), in)
	if err != nil || aws.ToString(page.NextMarker) == "" {
		t.Fatalf("the first page: %v, %v", page, err)
	}
	store.delete(*page.DurableExecutions[0].DurableExecutionArn)
	in.Marker = page.NextMarker
	page, err = client.ListDurableExecutionsByFunction(t.Context(), in)
	if !isAPI[*lambdatypes.InvalidParameterValueException](err) {
		t.Errorf("the page after an execution that was deleted: %v, %v; want an InvalidParameterValueException", page, err)
	}
}
