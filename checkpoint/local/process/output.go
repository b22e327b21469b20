package process

import (
	"bytes"
	"sync"
	"time"
)

// Stream is where a program writes.
type Stream string

// The streams of a program.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
)

// Line is one line that a program has written.
type Line struct {
	// Time is when it was read.
	Time time.Time
	// PID is the number of the process.
	PID int
	// RequestID is that of the last event that the process had been given when the beginning of the
	// line was read; empty before the first.
	RequestID string
	Stream    Stream
	// Text has no line break. A line of more than 64 KiB comes in pieces. One that has not ended
	// when the process has answered, or has ended itself, comes as it is; if it has not been read
	// before the next event either, what that writes goes on with it.
	Text string
}

// lineWriter makes lines of what one stream of a process writes.
type lineWriter struct {
	w      *worker
	stream Stream
	limit  int
	emit   func(Line)

	mu        sync.Mutex // guards what follows
	buf       []byte
	requestID string // of the line in buf
}

// Write implements [io.Writer]. It never fails: a program is not to notice who reads it.
func (l *lineWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	written := len(p)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		room := l.limit - len(l.buf)
		if len(l.buf) == 0 {
			l.requestID = l.w.requestID()
		}
		switch {
		case end >= 0 && end <= room:
			l.buf = append(l.buf, p[:end]...)
			p = p[end+1:]
			l.line()
		case len(p) > room:
			l.buf = append(l.buf, p[:room]...)
			p = p[room:]
			l.line()
		default:
			l.buf = append(l.buf, p...)
			p = nil
		}
	}
	if len(l.buf) > 0 && l.w.idle() {
		time.AfterFunc(partialGrace, l.flushIdle) // the process has asked for its next event already
	}
	return written, nil
}

// flushIdle emits what is left without a line break while the process waits for an event.
func (l *lineWriter) flushIdle() {
	if l.w.idle() {
		l.flush()
	}
}

// flush emits what is left without a line break.
func (l *lineWriter) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.buf) > 0 {
		l.line()
	}
}

func (l *lineWriter) line() {
	text := string(bytes.TrimSuffix(l.buf, []byte{'\r'}))
	l.buf = l.buf[:0]
	l.w.tail.keep(l.stream, text)
	if l.emit != nil {
		l.emit(Line{Time: now(), PID: l.w.pid(), RequestID: l.requestID, Stream: l.stream, Text: text})
	}
}

// tailLines is how much of what a process wrote is kept to explain why it ended before its first
// event.
const tailLines = 5

// tail are the last lines that a process wrote to its standard error.
type tail struct {
	mu    sync.Mutex
	lines []string
}

func (t *tail) keep(s Stream, text string) {
	if s != Stderr {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, text)
	if len(t.lines) > tailLines {
		t.lines = t.lines[1:]
	}
}

func (t *tail) all() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.lines...)
}
