package seal

import "fmt"

// SameFunction is sameFunction, for tests.
func SameFunction(a, b string) bool { return sameFunction(a, b) }

// ParseKeys returns the IDs in a file of keys, the one that seals first, for tests.
func ParseKeys(text []byte) (ids []string, err error) {
	s, err := parseKeys(text)
	if err != nil {
		return nil, err
	}

	ids = append(ids, s.sealing.id)
	for id := range s.byID {
		if id != s.sealing.id {
			ids = append(ids, id)
		}
	}

	return ids, nil
}

// Rewrite parses a header, and writes it again.
func Rewrite(p []byte) (again []byte, n int, err error) {
	h, n, err := parseHeader(p)
	if err != nil {
		return nil, 0, err
	}

	again = h.append(nil)
	if len(again) > h.size() {
		return nil, 0, fmt.Errorf("size() is %d, and the header has %d bytes", h.size(), len(again))
	}

	return again, n, nil
}
