package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// shopProgram begins the names of programs that are a version of the function.
const shopProgram = "order-"

// startShop is the program of the function in the version that its name says, if it says one.
func startShop() {
	version, ok := strings.CutPrefix(filepath.Base(os.Args[0]), shopProgram)
	if f := shopVersions(newPayments())[version]; ok && f != nil {
		lambda.Start(f)
	}
}

// shopOrder is what is ordered, and how long it waits: for stock, for the customer to change their
// mind, and for the carrier. Zero is no wait.
type shopOrder struct {
	ID                   string
	Stock, Cool, Carrier time.Duration
}

// payments is who charges cards: once for each idempotency key.
type payments struct {
	mu   sync.Mutex
	keys map[string]map[string]bool // by order
}

func newPayments() *payments { return &payments{keys: make(map[string]map[string]bool)} }

// charge is a step that charges the card of an order.
func (p *payments) charge(name string, o shopOrder) op.Op[string] {
	return op.Step(name, func(ctx context.Context) (string, error) {
		info, _ := op.InfoFrom(ctx)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.keys[o.ID] == nil {
			p.keys[o.ID] = make(map[string]bool)
		}
		p.keys[o.ID][info.IdempotencyKey] = true
		return name, nil
	})
}

// of is how often an order was charged.
func (p *payments) of(order string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.keys[order])
}

// shopStep is a step that results in its name.
func shopStep(name string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return name, nil })
}

// shopWait is a wait without a result, nothing at all for zero.
func shopWait(name string, d time.Duration) op.Op[string] {
	if d == 0 {
		return op.Inline("no "+name, func(op.Context) (string, error) { return "", nil })
	}
	return op.Transform(op.Wait(name, d), func(op.None) (string, error) { return "", nil })
}

// shopVersion is a version of the function: operations that run one after the other.
func shopVersion(operations func(o shopOrder) []op.Op[string]) *replay.Function[shopOrder, string] {
	return replay.Handler(func(ctx op.Context, o shopOrder) (string, error) { return inTurn(ctx, operations(o)...) },
		replay.WithDivergence(replay.DivergenceHold))
}

// inTurn runs operations one after the other.
func inTurn(ctx op.Context, operations ...op.Op[string]) (string, error) {
	var receipt []string
	for _, o := range operations {
		v, err := replay.Run(ctx, o)
		if err != nil {
			return "", err
		}
		if v != "" {
			receipt = append(receipt, v)
		}
	}
	return strings.Join(receipt, " "), nil
}

// shopVersions are the versions of the function, by name.
func shopVersions(p *payments) map[string]*replay.Function[shopOrder, string] {
	ops := func(all ...op.Op[string]) []op.Op[string] { return all }
	parcel := func() op.Op[string] {
		return op.Group("parcel", func(ctx op.Context) (string, error) { return inTurn(ctx, shopStep("pack"), shopStep("weigh")) })
	}
	carried := func() op.Op[string] {
		return op.Inline("carried", func(ctx op.Context) (string, error) { return inTurn(ctx, shopStep("label"), shopStep("hand-over")) })
	}
	gone := func(o op.Op[string]) op.Op[string] {
		return op.Transform(op.Removed(o), func(op.Past[string]) (string, error) { return "", nil })
	}
	return map[string]*replay.Function[shopOrder, string]{
		"v1": shopVersion(func(o shopOrder) []op.Op[string] {
			return ops(shopStep("reserve"), shopWait("stock", o.Stock), p.charge("charge-card", o), shopWait("cool-off", o.Cool),
				shopStep("pack"), shopWait("carrier", o.Carrier), shopStep("ship"))
		}),
		// v1 as it endures what v2 begins: the version to go back to.
		"v1-tolerant": shopVersion(func(o shopOrder) []op.Op[string] {
			return ops(shopStep("reserve"), gone(shopStep("check")), shopWait("stock", o.Stock), p.charge("charge-card", o).Was("charge-payment"),
				shopWait("cool-off", o.Cool), op.Replaces(shopStep("pack"), parcel()), shopWait("carrier", o.Carrier), op.Replaces(shopStep("ship"), carried()))
		}),
		// It inserts a check, renames the charge, wraps the packing and splits the shipping.
		"v2": shopVersion(func(o shopOrder) []op.Op[string] {
			return ops(shopStep("reserve"), op.Added(shopStep("check"), "unchecked"), shopWait("stock", o.Stock), p.charge("charge-payment", o).Was("charge-card"),
				shopWait("cool-off", o.Cool), op.Replaces(parcel(), shopStep("pack")), shopWait("carrier", o.Carrier), op.Replaces(carried(), shopStep("ship")))
		}),
		// Someone has renamed the charge once more, and declares nothing.
		"v2b": shopVersion(func(o shopOrder) []op.Op[string] {
			return ops(shopStep("reserve"), shopStep("check"), shopWait("stock", o.Stock), p.charge("charge", o), shopWait("cool-off", o.Cool),
				parcel(), shopWait("carrier", o.Carrier), carried())
		}),
		// The same, as it should have been: declared, on top of what was there.
		"v2c": shopVersion(func(o shopOrder) []op.Op[string] {
			return ops(shopStep("reserve"), op.Added(shopStep("check"), "unchecked"), shopWait("stock", o.Stock),
				op.Replaces(p.charge("charge", o), p.charge("charge-payment", o).Was("charge-card")),
				shopWait("cool-off", o.Cool), op.Replaces(parcel(), shopStep("pack")), shopWait("carrier", o.Carrier), op.Replaces(carried(), shopStep("ship")))
		}),
		"v3": shopVersion(func(o shopOrder) []op.Op[string] {
			return ops(shopStep("reserve"), shopStep("check"), shopWait("stock", o.Stock), p.charge("charge-payment", o), shopWait("cool-off", o.Cool),
				parcel(), shopWait("carrier", o.Carrier), carried())
		}),
	}
}
