package replay_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// deployment is a function whose code can be replaced while executions are under way.
type deployment struct {
	mu   sync.Mutex
	code local.Handler
}

func (d *deployment) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	d.mu.Lock()
	code := d.code
	d.mu.Unlock()
	return code.Invoke(ctx, payload)
}

func (d *deployment) deploy(code local.Handler) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.code = code
}

// batchNotes are what bodies have noted, in any order.
type batchNotes struct {
	mu  sync.Mutex
	all []string
}

func (n *batchNotes) add(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, text)
}

// list returns the notes, sorted.
func (n *batchNotes) list() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(slices.Values(n.all))
}

// packing is one version of a handler that ships items.
type packing struct {
	items      []string
	keyed      bool
	flat       bool
	noWait     bool // the items do not wait
	large      bool
	parallel   bool
	itemName   string
	anotherSub bool
}

// handler ships the items: each is weighed, dries for an hour and is labelled. Then everything
// waits for a day.
func (p packing) handler(ran *batchNotes) local.Handler {
	name := "pack"
	if p.itemName != "" {
		name = p.itemName
	}
	each := op.GroupFunc(name, func(ctx op.Context, item string) (string, error) {
		weigh := op.Step("weigh", func(context.Context) (string, error) {
			ran.add("weigh " + item)
			if p.large {
				return item + strings.Repeat("x", 300<<10), nil
			}
			return item, nil
		})
		v, err := replay.Run(ctx, weigh)
		if err != nil || p.noWait {
			return v, err
		}
		if err := replay.Exec(ctx, op.Wait("dry", time.Hour)); err != nil {
			return "", err
		}
		return v, replay.Exec(ctx, op.Do("label", func(context.Context) error { ran.add("label " + item); return nil }))
	})
	if p.keyed {
		each = each.Key(func(item string) string { return item })
	}
	return replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		b, err := replay.Run(ctx, p.batch(each))
		if err != nil {
			return "", err
		}
		var all []string
		for _, it := range b.Items {
			all = append(all, fmt.Sprintf("%d %s=%.1s", it.Index, it.Key, it.Value))
		}
		return strings.Join(all, " "), replay.Exec(ctx, op.Wait("until-tomorrow", 24*time.Hour))
	})
}

func (p packing) batch(each op.Builder[string, string]) op.Op[op.Batch[string]] {
	var opts []op.BatchOption
	if p.flat {
		opts = append(opts, op.WithFlat())
	}
	if p.anotherSub {
		opts = append(opts, op.WithSubType("Shipping"))
	}
	if !p.parallel {
		mo := make([]op.MapOption, len(opts))
		for i, o := range opts {
			mo[i] = o
		}
		return op.Map("ship", p.items, each, mo...)
	}
	branches := make([]op.Op[string], len(p.items))
	for i, item := range p.items {
		branches[i] = each(item)
	}
	return op.Parallel("ship", branches, opts...)
}

func TestChangedItemsOfABatchUnderWay(t *testing.T) {
	t.Parallel()
	ab := []string{"a", "b"}
	const diverged = "diverged"
	tests := []struct {
		reason        string
		before, after packing
		want          string
	}{
		{
			reason: "nothing changed",
			before: packing{items: ab, keyed: true}, after: packing{items: ab, keyed: true},
			want: "0 a=a 1 b=b",
		},
		{
			reason: "a keyed item was inserted before the others",
			before: packing{items: ab, keyed: true}, after: packing{items: []string{"c", "a", "b"}, keyed: true},
			want: "0 c=c 1 a=a 2 b=b",
		},
		{
			reason: "keyed items were reordered",
			before: packing{items: ab, keyed: true}, after: packing{items: []string{"b", "a"}, keyed: true},
			want: "0 b=b 1 a=a",
		},
		{
			reason: "a keyed item was inserted into a flat batch",
			before: packing{items: ab, keyed: true, flat: true},
			after:  packing{items: []string{"a", "c", "b"}, keyed: true, flat: true},
			want:   "0 a=a 1 c=c 2 b=b",
		},
		{
			reason: "an item was appended to items without keys",
			before: packing{items: ab}, after: packing{items: []string{"a", "b", "c"}},
			want: "0 =a 1 =b 2 =c",
		},
		{
			reason: "a keyed item was removed",
			before: packing{items: ab, keyed: true}, after: packing{items: []string{"a"}, keyed: true}, want: diverged,
		},
		{
			reason: "an item without a key was removed",
			before: packing{items: ab}, after: packing{items: []string{"a"}}, want: diverged,
		},
		{
			reason: "all items were removed",
			before: packing{items: ab}, after: packing{}, want: diverged,
		},
		{
			reason: "a key changed",
			before: packing{items: ab, keyed: true}, after: packing{items: []string{"a", "B"}, keyed: true}, want: diverged,
		},
		{
			reason: "items got keys",
			before: packing{items: ab}, after: packing{items: ab, keyed: true}, want: diverged,
		},
		{
			reason: "a keyed item of a flat batch was removed",
			before: packing{items: ab, keyed: true, flat: true}, after: packing{items: []string{"b"}, keyed: true, flat: true},
			want: diverged,
		},
		{
			reason: "all items of a flat batch got other keys",
			before: packing{items: ab, keyed: true, flat: true}, after: packing{items: []string{"A", "B"}, keyed: true, flat: true},
			want: diverged,
		},
		{
			reason: "a batch became flat",
			before: packing{items: ab, keyed: true}, after: packing{items: ab, keyed: true, flat: true}, want: diverged,
		},
		{
			reason: "a batch is flat no longer",
			before: packing{items: ab, keyed: true, flat: true}, after: packing{items: ab, keyed: true}, want: diverged,
		},
		{
			reason: "a batch is flat no longer, and a new item would be the first to run",
			before: packing{items: ab, keyed: true, flat: true}, after: packing{items: []string{"c", "a", "b"}, keyed: true},
			want: diverged,
		},
		{
			reason: "the branches of a parallel batch were renamed",
			before: packing{items: ab, keyed: true, parallel: true},
			after:  packing{items: ab, keyed: true, parallel: true, itemName: "send"}, want: diverged,
		},
		{
			reason: "the items of a map have no name of their own in the log",
			before: packing{items: ab, keyed: true}, after: packing{items: ab, keyed: true, itemName: "send"},
			want: "0 a=a 1 b=b",
		},
		{
			reason: "a map became a parallel batch",
			before: packing{items: ab, keyed: true}, after: packing{items: ab, keyed: true, parallel: true}, want: diverged,
		},
		{
			reason: "the sub-type of the batch changed",
			before: packing{items: ab, keyed: true}, after: packing{items: ab, keyed: true, anotherSub: true}, want: diverged,
		},
		{
			reason: "an item of a batch that has completed was removed",
			before: packing{items: ab, noWait: true}, after: packing{items: []string{"a"}, noWait: true}, want: diverged,
		},
		{
			reason: "an item of a completed batch with large results was removed",
			before: packing{items: ab, noWait: true, large: true}, after: packing{items: []string{"a"}, noWait: true, large: true},
			want: diverged,
		},
		{
			reason: "an item was inserted into a completed batch with large results",
			before: packing{items: ab, keyed: true, noWait: true, large: true},
			after:  packing{items: []string{"c", "a", "b"}, keyed: true, noWait: true, large: true},
			want:   "1 a=a 2 b=b",
		},
		{
			reason: "an item was inserted into a completed flat batch with large results",
			before: packing{items: ab, keyed: true, noWait: true, large: true, flat: true},
			after:  packing{items: []string{"c", "a", "b"}, keyed: true, noWait: true, large: true, flat: true},
			want:   "1 a=a 2 b=b",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var ran, ranAfter batchNotes
			h := newHome(t)
			d := &deployment{code: tt.before.handler(&ran)}
			e := h.begin(t, d, "null")
			if err := e.RunUntilSuspended(t.Context()); err != nil {
				t.Fatal(err)
			}
			calls := len(e.CheckpointCalls())
			d.deploy(tt.after.handler(&ranAfter))
			if err := e.Drive(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := end(e)
			if tt.want != diverged {
				if want := fmt.Sprintf("SUCCEEDED %q", tt.want); got != want {
					t.Errorf("ended as %s, want %s", got, want)
				}
				return
			}
			if !strings.Contains(got, "the execution diverged in") {
				t.Errorf("ended as %s, want a divergence", got)
			}
			if bodies := ranAfter.list(); len(bodies) > 0 {
				t.Errorf("bodies ran: %q", bodies)
			}
			if written := callsOf(e)[calls:]; len(written) > 0 {
				t.Errorf("updates were written: %q", written)
			}
		})
	}
}
