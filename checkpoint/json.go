package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
)

// maxDepth is how deep JSON may be nested, as in encoding/json.
const maxDepth = 10_000

// scanner reads JSON from front to back. What it accepts is what encoding/json accepts.
type scanner struct {
	data  []byte
	pos   int
	depth int
}

// literal is a JSON string with its quotes.
type literal struct {
	text []byte
	// escaped: it contains a backslash. wide: it contains a byte that is not ASCII.
	escaped, wide bool
}

// syntaxError says what was found where want was expected.
func (s *scanner) syntaxError(want string) error {
	if s.pos >= len(s.data) {
		return fmt.Errorf("unexpected end of JSON at byte %d, where %s should be", s.pos, want)
	}
	return fmt.Errorf("unexpected %q at byte %d, where %s should be", s.data[s.pos], s.pos, want)
}

// peek skips white space and returns the next byte, zero at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		if c := s.data[s.pos]; c > ' ' {
			return c
		}
	}
	return s.blank()
}

// blank is peek where there may be white space.
func (s *scanner) blank() byte {
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// end reports an error unless nothing but white space is left.
func (s *scanner) end() error {
	if s.peek(); s.pos < len(s.data) {
		return s.syntaxError("the end")
	}
	return nil
}

// word reads true, false or null.
func (s *scanner) word(w string) error {
	if len(s.data)-s.pos < len(w) || string(s.data[s.pos:s.pos+len(w)]) != w {
		return s.syntaxError(w)
	}
	s.pos += len(w)
	return nil
}

// null reads null, if it comes next.
func (s *scanner) null() (bool, error) {
	if s.peek() != 'n' {
		return false, nil
	}
	return true, s.word("null")
}

// object reads an object, or null as an empty one. It calls field for each key, decoded;
// field reads the value.
func (s *scanner) object(field func(key []byte) error) error {
	if c := s.peek(); c != '{' {
		if c == 'n' {
			return s.word("null")
		}
		return s.syntaxError("an object")
	}
	if err := s.enter(); err != nil {
		return err
	}
	if s.peek() == '}' {
		return s.leave()
	}
	for {
		l, err := s.literal()
		if err != nil {
			return err
		}
		key := l.text[1 : len(l.text)-1]
		if l.escaped || l.wide {
			key = unquote(l.text)
		}
		if s.peek() != ':' {
			return s.syntaxError("a colon")
		}
		s.pos++
		if err := field(key); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.pos++
		case '}':
			return s.leave()
		default:
			return s.syntaxError("a comma or the end of the object")
		}
	}
}

// array reads an array, or null as an empty one. It calls item for each value, which item reads.
func (s *scanner) array(item func() error) error {
	if c := s.peek(); c != '[' {
		if c == 'n' {
			return s.word("null")
		}
		return s.syntaxError("an array")
	}
	if err := s.enter(); err != nil {
		return err
	}
	if s.peek() == ']' {
		return s.leave()
	}
	for {
		if err := item(); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.pos++
		case ']':
			return s.leave()
		default:
			return s.syntaxError("a comma or the end of the array")
		}
	}
}

func (s *scanner) enter() error {
	if s.depth++; s.depth > maxDepth {
		return fmt.Errorf("JSON is nested more than %d deep at byte %d", maxDepth, s.pos)
	}
	s.pos++
	return nil
}

func (s *scanner) leave() error {
	s.depth--
	s.pos++
	return nil
}

// skip reads any value.
func (s *scanner) skip() error {
	switch s.peek() {
	case '"':
		_, err := s.literal()
		return err
	case '{':
		return s.object(func([]byte) error { return s.skip() })
	case '[':
		return s.array(s.skip)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		_, err := s.number()
		return err
	}
}

// literal reads a string.
func (s *scanner) literal() (literal, error) {
	if s.peek() != '"' {
		return literal{}, s.syntaxError("a string")
	}
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	data, start, i := s.data, s.pos, s.pos+1
	var escaped bool
	var seen uint64 // all bytes or'ed together
	for {
		// Eight bytes at a time, to the first that is a quote, a backslash or a control character.
		for i <= len(data)-8 {
			x := binary.LittleEndian.Uint64(data[i : i+8])
			quote, slash := x^(ones*'"'), x^(ones*'\\')
			stop := ((x-ones*0x20)&^x | (quote-ones)&^quote | (slash-ones)&^slash) & highs
			if stop != 0 {
				n := bits.TrailingZeros64(stop) &^ 7
				seen |= x & (1<<n - 1)
				i += n / 8
				break
			}
			seen |= x
			i += 8
		}
		if i >= len(data) {
			s.pos = i
			return literal{}, s.syntaxError("the end of a string")
		}
		switch c := data[i]; {
		case c == '"':
			s.pos = i + 1
			return literal{data[start:s.pos], escaped, seen&highs != 0}, nil
		case c == '\\':
			n := escapeLen(data[i:])
			if n == 0 {
				s.pos = i
				return literal{}, s.syntaxError("a valid escape sequence")
			}
			escaped = true
			i += n
		case c < 0x20:
			s.pos = i
			return literal{}, s.syntaxError("the rest of a string")
		default:
			seen |= uint64(c)
			i++
		}
	}
}

// escapeLen returns the length of the escape sequence at the start of b, zero if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b[2:]); ok {
			return 6
		}
	}
	return 0
}

// number reads a number and returns its text.
func (s *scanner) number() ([]byte, error) {
	start := s.pos
	if s.at() == '-' {
		s.pos++
	}
	switch c := s.at(); {
	case c == '0':
		s.pos++
	case '1' <= c && c <= '9':
		s.digits()
	default:
		return nil, s.syntaxError("a value")
	}
	if s.at() == '.' {
		s.pos++
		if !s.digits() {
			return nil, s.syntaxError("a digit")
		}
	}
	if c := s.at(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.at(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return nil, s.syntaxError("a digit")
		}
	}
	return s.data[start:s.pos], nil
}

// at returns the byte at the position, zero at the end.
func (s *scanner) at() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// digits skips digits and reports whether there was one.
func (s *scanner) digits() bool {
	start := s.pos
	for c := s.at(); '0' <= c && c <= '9'; c = s.at() {
		s.pos++
	}
	return s.pos > start
}

// integer reads an integer, or null as zero.
func (s *scanner) integer() (int, error) {
	if null, err := s.null(); null || err != nil {
		return 0, err
	}
	start := s.pos
	text, err := s.number()
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(string(text))
	if err != nil {
		return 0, fmt.Errorf("%s at byte %d, where an integer should be", text, start)
	}
	return n, nil
}

// boolean reads a boolean, or null as false.
func (s *scanner) boolean() (bool, error) {
	switch s.peek() {
	case 't':
		return true, s.word("true")
	case 'f':
		return false, s.word("false")
	case 'n':
		return false, s.word("null")
	}
	return false, s.syntaxError("a boolean")
}
