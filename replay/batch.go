package replay

import (
	"context"
	"errors"

	"github.com/perdure/perdure/op/node"
)

func (s *scope) callBatch(context.Context, *node.Batch, bool) node.Record {
	return node.Record{Err: errors.New("replay: batches are not supported yet")}
}
