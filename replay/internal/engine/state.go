package engine

import (
	"fmt"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
)

// The room that a state has in the log, in bytes. An attempt that fails keeps the state in the data of
// its error, for a RETRY takes an error or a payload, not both, and the fields of an error have at most
// maxFailure bytes together (1 MB: Lambda API, ErrorObject). leastError of them are left to the error.
const (
	maxFailure = 1_000_000
	leastError = 32 << 10
	maxState   = maxFailure - leastError
)

// encodeState makes the payload of the state that the next attempt begins with. One that would not fit
// into a record together with the error of a later attempt is refused: it would be lost then.
func (st *step) encodeState(state any) ([]byte, error) {
	payload, err := codec.Encode(st.ctx, st.codec(), st.meta(codec.State), state)
	if err != nil {
		return nil, err
	}
	if n := len(withState("", carried{payload: payload, ok: true})); n > maxState {
		return nil, fmt.Errorf("replay: %s: the state for the next attempt takes %d bytes in the log, where it must leave room "+
			"for the error of that attempt: at most %d are possible; store what is large elsewhere and carry where it is",
			quote(st.path()), n, maxState)
	}
	return payload, nil
}

// fit shortens an error so that it has room beside the state in its data: first what it says of its
// identities goes, then the stack, then the end of the message.
func fit(f *checkpoint.Failure) {
	if len(f.Data) > maxState {
		f.Data = narrow(f.Data)
	}
	left := maxFailure - len(f.Type) - len(f.Data)
	size := len(f.Message)
	for _, line := range f.Stack {
		size += len(line)
	}
	if size > left {
		f.Stack = nil
	}
	if len(f.Message) > left {
		f.Message = cut(f.Message, left-len(ellipsis))
	}
}

// narrow leaves out values of identities, the longest first, until there is room for a message. An
// error without them is restored by its type alone.
func narrow(data string) string {
	d, _ := readData(data)
	ids := d.Perdure.Known
	for len(data) > maxFailure-leastError/2 && len(ids) > 0 {
		longest := 0
		for i := range ids {
			if len(ids[i].Data) > len(ids[longest].Data) {
				longest = i
			}
		}
		if ids[longest].Data == "" {
			d.Perdure.Known = nil
			return d.text()
		}
		ids[longest].Data = ""
		data = d.text()
	}
	return data
}
