// Package carrier hands parcels over.
package carrier

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/perdure/perdure/op"

	"example.test/shop/guises/depot/unit"
)

// A Quote is a price.
type Quote struct {
	Carrier string `json:"carrier"`
	Cents   int    `json:"cents"`
}

// API is a carrier's.
type API struct{ base string }

// Carriers are those we know.
var Carriers = []*API{{"https://a.example/"}, {"https://b.example/"}}

// Quote asks for a price.
func (a *API) Quote(ctx context.Context, p unit.Parcel) (q Quote, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+p.ID, nil)
	if err != nil {
		return q, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return q, err
	}
	defer resp.Body.Close()
	return q, json.NewDecoder(resp.Body).Decode(&q)
}

// Cheapest asks all.
func Cheapest(ctx op.Context, p unit.Parcel) (best Quote, err error) {
	ask := (*API).Quote
	for _, c := range Carriers {
		q, err := ask(c, ctx.InvocationContext(), p) // MISTAKE 33: invocation: a method expression calls out
		if err != nil {
			return best, err
		}
		if best.Carrier == "" || q.Cents < best.Cents {
			best = q
		}
	}
	return best, nil
}

// Pickup is when a carrier comes.
func Pickup(c string) op.Op[bool] {
	return op.Invoke[bool]("order-pickup", "pickup:live", c)
}
