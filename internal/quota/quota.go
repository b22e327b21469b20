// Package quota has a function believe in other quotas than those of the service, so that a test
// reaches them with few operations.
package quota

import (
	"context"

	"github.com/perdure/perdure/internal/limits"
)

// Quota is what one execution may have. A zero field stands for what the service grants.
type Quota struct {
	// Operations counts operations and retries, Bytes payloads and errors.
	Operations, Bytes int
}

type contextKey struct{}

// With returns a context in which functions keep to q.
func With(ctx context.Context, q Quota) context.Context {
	return context.WithValue(ctx, contextKey{}, q)
}

// From returns the quota that With put into ctx; the zero one if there is none.
func From(ctx context.Context) Quota {
	q, _ := ctx.Value(contextKey{}).(Quota)
	return q
}

// OrService returns q with what the service grants in its zero fields.
func (q Quota) OrService() Quota {
	if q.Operations == 0 {
		q.Operations = limits.Operations
	}
	if q.Bytes == 0 {
		q.Bytes = limits.DataBytes
	}
	return q
}
