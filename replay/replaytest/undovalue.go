package replaytest

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op/node"
)

// given says what is wrong with what the compensations of an effect were given; empty for nothing.
func (j *judgement) given(e *effect) string {
	if e.attempted {
		return "" // it is given nothing
	}
	for _, u := range e.undone {
		for _, g := range u.gave {
			want, ok := j.returned(g)
			if !ok {
				continue
			}
			of := ""
			if g.path != e.op {
				of = fmt.Sprintf(" of %q", g.path)
			}
			return fmt.Sprintf("the Undo of %q was given %s%s, which had returned %s", e.path, orNothing(g), of, brief(want))
		}
	}
	return ""
}

func orNothing(g given) string {
	switch {
	case g.plain != "":
		return brief(g.plain)
	case !g.present:
		return "nothing"
	}
	return brief(g.payload)
}

// returned is how an operation has ended; ok says that it is not what a compensation was given.
func (j *judgement) returned(g given) (want string, differs bool) {
	rec, ok := j.records[g.path]
	if ok && rec.Status == checkpoint.StatusSucceeded && !rec.ReplayChildren {
		want = rec.Payload.String()
		return want, want != g.payload
	}
	seen := j.groups[g.path]
	if seen == nil || len(seen.returned) == 0 {
		return "", false
	}
	switch v := seen.value.(type) {
	case node.Verbatim:
		if v.Payload == nil {
			return "", g.payload != ""
		}
		want = string(v.Payload.Bytes())
		return want, want != g.payload
	default:
		want = plain(v)
		return want, want != "" && g.plain != "" && g.plain != want
	}
}

// plainOf is what a record decodes to, in JSON, if the type is that of like; empty if it cannot be
// decoded.
func plainOf(r node.Result, like any) string {
	if like == nil || r.Err != nil {
		return ""
	}
	if _, ok := like.(node.Verbatim); ok {
		return ""
	}
	v := reflect.New(reflect.TypeOf(like))
	if r.Decode(v.Interface()) != nil {
		return ""
	}
	return plain(v.Elem().Interface())
}

// plain is a value in JSON; empty if it cannot be encoded.
func plain(v any) string {
	if v == nil {
		return ""
	}
	p := reflect.New(reflect.TypeOf(v)) // methods of pointers count, too
	p.Elem().Set(reflect.ValueOf(v))
	text, err := json.Marshal(p.Interface())
	if err != nil {
		return ""
	}
	return string(text)
}
