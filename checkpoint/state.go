package checkpoint

import (
	"context"
	"fmt"
	"slices"

	"github.com/perdure/perdure/internal/limits"
)

// pageItems is the number of records asked for in one call: the most the service allows, where its
// default of 100 would mean ten times the calls.
const pageItems = limits.PageItems

// LoadState returns the whole log of an execution: the records of the event and all pages that
// the service has not put into it. Nothing can be decided before they are read: an operation on a
// later page would look as if it had never run.
//
// The error is that of the client, or says that the service sent the same marker twice.
func LoadState(ctx context.Context, c Client, inv Invocation) ([]Operation, error) {
	if inv.NextMarker == "" {
		return inv.Operations, nil
	}
	rest, err := statePages(ctx, c, inv.ARN, inv.Token, inv.NextMarker)
	if err != nil {
		return nil, err
	}
	return append(slices.Clip(inv.Operations), rest...), nil
}

// statePages reads all pages from marker on. Reading a page does not use up the token.
func statePages(ctx context.Context, c Client, arn, token, marker string) ([]Operation, error) {
	var ops []Operation
	seen := make(map[string]bool)
	for marker != "" {
		if seen[marker] {
			return nil, fmt.Errorf("checkpoint: read the state of %s: the service sent the marker %q twice", arn, marker)
		}
		seen[marker] = true
		page, err := c.State(ctx, StateInput{ARN: arn, Token: token, Marker: marker, MaxItems: pageItems})
		if err != nil {
			return nil, fmt.Errorf("checkpoint: read the state of %s: %w", arn, err)
		}
		ops = append(ops, page.Operations...)
		marker = page.NextMarker
	}
	return ops, nil
}
