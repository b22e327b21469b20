package engine

import (
	"sync"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op/node"
)

// mostOpens is how many payloads of a batch are opened at once.
const mostOpens = 32

// openItems has the payloads of a batch pass their chains backwards, beside each other and off the
// turn, so that reading a hundred results from a store takes a few times as long as reading one.
// What cannot be opened stays as it is: whoever decodes it sees why. Payloads of pure codecs are
// decoded when they are needed.
func openItems(s *scope, items []node.Item) {
	var closed []*node.Result
	for i := range items {
		if r := &items[i].Result; r.Payload != nil && r.Outcome == nil && r.Err == nil && !codec.IsPure(codecOf(s, r)) {
			closed = append(closed, r)
		}
	}
	f := s.inv.running()
	if len(closed) < 2 || f.Dead() {
		return
	}
	ctx := convertContext(s)
	f.offWork(func() {
		next := make(chan *node.Result, len(closed))
		for _, r := range closed {
			next <- r
		}
		close(next)
		var all sync.WaitGroup
		for range min(len(closed), mostOpens) {
			all.Go(func() {
				for r := range next {
					plain, base, err := codec.Open(ctx, codecOf(s, r), r.Meta, r.Payload.Bytes())
					if err != nil {
						continue
					}
					r.Payload, r.Codec = openedPayload{checkpoint.NewPayload(plain), r.Payload}, base
				}
			})
		}
		all.Wait()
	})
}

// openedPayload is a payload that has been opened, beside that in the log.
type openedPayload struct {
	checkpoint.Payload

	recorded node.Payload
}

// Recorded implements [node.Opened].
func (o openedPayload) Recorded() []byte { return o.recorded.Bytes() }

// codecOf is the codec of a result.
func codecOf(s *scope, r *node.Result) codec.Codec {
	if r.Codec != nil {
		return r.Codec
	}
	if r.Outside && s.inv.cfg.OutsideCodec != nil {
		return s.inv.cfg.OutsideCodec
	}
	return s.inv.cfg.Codec
}
