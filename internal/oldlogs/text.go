package oldlogs

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// text is text of a log. In JSON it is a string; text with long runs of one character is a list of
// strings and of runs, such as {"x": 300000}.
type text string

// longRun is how many equal characters are written as their number.
const longRun = 64

// MarshalJSON implements json.Marshaler.
func (t text) MarshalJSON() ([]byte, error) {
	var parts []any
	begin := 0
	for i := 0; i < len(t); {
		n := 1
		for i+n < len(t) && t[i+n] == t[i] {
			n++
		}
		if n >= longRun && t[i] < 0x80 {
			if begin < i {
				parts = append(parts, string(t[begin:i]))
			}
			parts = append(parts, map[string]int{string(t[i]): n})
			begin = i + n
		}
		i += n
	}
	if parts == nil {
		return marshal(string(t))
	}
	if begin < len(t) {
		parts = append(parts, string(t[begin:]))
	}
	return marshal(parts)
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	var whole string
	if err := json.Unmarshal(b, &whole); err == nil {
		*t = text(whole)
		return nil
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return fmt.Errorf("want a string or a list of strings and runs: %w", err)
	}
	var s strings.Builder
	for _, part := range parts {
		var run map[string]int
		if json.Unmarshal(part, &whole) == nil {
			s.WriteString(whole)
			continue
		}
		if err := json.Unmarshal(part, &run); err != nil {
			return fmt.Errorf("want a string or a run, found %s: %w", part, err)
		}
		for c, n := range run {
			s.WriteString(strings.Repeat(c, n))
		}
	}
	*t = text(s.String())
	return nil
}

// span is a duration; in JSON it is text such as "1h0m0s".
type span time.Duration

// MarshalJSON implements json.Marshaler.
func (s span) MarshalJSON() ([]byte, error) { return marshal(time.Duration(s).String()) }

// UnmarshalJSON implements json.Unmarshaler.
func (s *span) UnmarshalJSON(b []byte) error {
	var v string
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	d, err := time.ParseDuration(v)
	*s = span(d)
	return err
}

// marshal is json.Marshal for readers: no character is escaped that need not be.
func marshal(v any) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}
