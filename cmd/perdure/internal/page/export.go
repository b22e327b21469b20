package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"io/fs"
	"time"

	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// jsonKept is an execution with all that the page shows of it.
type jsonKept struct {
	Place   jsonPlace             `json:"place"`
	Model   *jsonModel            `json:"model"`
	Details map[string]jsonDetail `json:"details"` // of operations that have any, by ID
	Events  []jsonEvent           `json:"events"`
}

// Write writes the page of one execution as a file that needs nothing else: no server, no network
// and no other file. It shows what the page shows, as it is now, and can do nothing. Of payloads
// that are longer than 64 KiB it has the beginning.
func Write(w io.Writer, e *Execution, events []local.Event, today []view.Today, place string, now time.Time) error {
	h := view.Read(events)
	h.SetToday(today)
	kept := jsonKept{
		Place:  jsonPlace{Place: place, Functions: []Function{}, Actions: []string{}, Now: milli(now)},
		Model:  modelOf(e, h, scope{bytes: longText}, now, nil),
		Events: eventsOf(events), Details: make(map[string]jsonDetail),
	}
	for _, o := range h.All {
		d := detailOf(o, longText)
		if d.Input != nil || d.Result != nil || d.Error != nil || d.Cut != nil || len(d.Attempts) > 0 {
			kept.Details[o.ID] = *d
		}
	}
	data, err := json.Marshal(kept) // which has no < that could end the element
	if err != nil {
		return err
	}
	code, err := script()
	if err != nil {
		return err
	}
	style, err := fs.ReadFile(assets(), "page.css")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	b.WriteString("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
	b.WriteString("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src '" + hash(code) +
		"'; style-src '" + hash(style) + "'; base-uri 'none'; form-action 'none'\">\n")
	b.WriteString("<title>" + html.EscapeString(e.Name) + "</title>\n<style>")
	b.Write(style)
	b.WriteString("</style>\n</head>\n<body>\n")
	b.WriteString("<button type=\"button\" class=\"jump\" id=\"jump\">Go to the content</button>\n<header id=\"bar\"></header>\n")
	b.WriteString("<main id=\"main\" tabindex=\"-1\"></main>\n<div id=\"said\" role=\"status\" aria-live=\"polite\"></div>\n")
	b.WriteString("<script type=\"application/json\" id=\"perdure-execution\">")
	b.Write(data)
	b.WriteString("</script>\n<script type=\"module\">")
	b.Write(code)
	b.WriteString("</script>\n</body>\n</html>\n")
	_, err = w.Write(b.Bytes())
	return err
}

// hash returns the text of an element as a Content-Security-Policy names it.
func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
