package wire

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// Mark is the identity of a branch in an [Envelope]: a digest of its name and key, or nothing if
// its index identifies it.
type Mark string

const (
	markDomain = "perdure-branch"
	// markSize is the length of a mark in characters, of six bits each. With 48 bits a branch that
	// was replaced by another one is taken for it once in 280 trillion times.
	markSize = 8
	// indexMark stands for a branch without a mark before others that have one.
	indexMark = '.'
)

// MarkOf returns the mark of a branch that a name and a key identify. The derivation is frozen: it
// is in the logs of running executions.
func MarkOf(name, key string) Mark {
	var buf [512]byte
	b := append(buf[:0], markDomain...)
	b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
	b = append(binary.AppendUvarint(b, uint64(len(key))), key...)
	sum := sha256.Sum256(b)
	return Mark(base64.RawURLEncoding.EncodeToString(sum[:markSize*6/8]))
}

// JoinMarks puts marks together into one text. Branches at the end that have none take no place.
func JoinMarks(marks []Mark) string {
	for len(marks) > 0 && marks[len(marks)-1] == "" {
		marks = marks[:len(marks)-1]
	}
	var b strings.Builder
	b.Grow(len(marks) * markSize)
	for _, m := range marks {
		if m == "" {
			b.WriteByte(indexMark)
			continue
		}
		b.WriteString(string(m))
	}
	return b.String()
}

// splitMarks is the reverse of JoinMarks, for at least that many branches. A text that was cut
// gives a mark that no branch has.
func splitMarks(text string, atLeast int) []Mark {
	marks := make([]Mark, 0, max(atLeast, len(text)/markSize))
	for text != "" {
		if text[0] == indexMark {
			marks, text = append(marks, ""), text[1:]
			continue
		}
		n := min(markSize, len(text))
		marks, text = append(marks, Mark(text[:n])), text[n:]
	}
	for len(marks) < atLeast {
		marks = append(marks, "")
	}
	return marks
}
