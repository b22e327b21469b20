package seal

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/perdure/perdure/codec"
)

// version is the first byte of a sealed payload.
const version = 1

// header is what stands before the encrypted bytes:
//
//	version | key | execution | function | operation | part
//
// where each string has its length before it, and lengths and the part are unsigned varints.
type header struct {
	key    string
	origin Origin
}

// Info is what a sealed payload says of itself without its key. Nothing of it is authenticated
// before it is opened.
type Info struct {
	// KeyID is the ID of the key.
	KeyID string
	// Origin is the place that the payload was sealed for.
	Origin Origin
}

// Inspect returns what sealed bytes, the input of the transform's Revert, say of themselves.
func Inspect(p []byte) (Info, error) {
	h, _, err := parseHeader(p)
	if err != nil {
		return Info{}, err
	}

	return Info{KeyID: h.key, Origin: h.origin}, nil
}

func (h header) fields() [4]string {
	return [4]string{h.key, h.origin.Execution, h.origin.Function, h.origin.Operation}
}

// size returns at least the number of bytes that append adds.
func (h header) size() int {
	n := 1 + binary.MaxVarintLen64
	for _, s := range h.fields() {
		n += binary.MaxVarintLen64 + len(s)
	}

	return n
}

func (h header) append(dst []byte) []byte {
	dst = append(dst, version)

	for _, s := range h.fields() {
		dst = append(binary.AppendUvarint(dst, uint64(len(s))), s...)
	}

	return binary.AppendUvarint(dst, uint64(h.origin.Part)) //nolint:gosec // a negative part comes back as it was
}

// parseHeader returns the header that p begins with, and its length.
func parseHeader(p []byte) (h header, n int, err error) {
	if len(p) == 0 {
		return h, 0, fmt.Errorf("seal: %w: it is empty", ErrChanged)
	}

	if p[0] != version {
		return h, 0, fmt.Errorf("seal: the payload is of version %d, and this code opens version %d: deploy the code that sealed it",
			p[0], version)
	}

	var fields [4]string

	rest := p[1:]

	for i := range fields {
		size, used := binary.Uvarint(rest)
		if used <= 0 || size > uint64(len(rest)-used) { //nolint:gosec // used is at most len(rest)
			return h, 0, errCut()
		}

		rest = rest[used:]
		fields[i], rest = string(rest[:size]), rest[size:]
	}

	part, used := binary.Uvarint(rest)
	if used <= 0 || part > math.MaxInt32 {
		return h, 0, errCut()
	}

	h.key = fields[0]
	h.origin = Origin{Execution: fields[1], Function: fields[2], Operation: fields[3], Part: codec.Part(part)}

	return h, len(p) - len(rest) + used, nil
}

func errCut() error {
	return fmt.Errorf("seal: %w: its header was cut off", ErrChanged)
}

// additional is what is authenticated beside the payload: the header, and the names of the
// transforms before.
func additional(header []byte, through string) []byte {
	const purpose = "perdure seal"

	out := make([]byte, 0, len(purpose)+len(header)+len(through))
	out = append(append(out, purpose...), header...)

	return append(out, through...) // where the header ends is in the header
}
