package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// printJSON prints a value, indented.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.Out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// summary is an execution in JSON.
type summary struct {
	ARN        string            `json:"executionArn"`
	Name       string            `json:"name"`
	Function   string            `json:"functionArn"`
	Status     string            `json:"status"`
	Start      time.Time         `json:"start"`
	End        *time.Time        `json:"end,omitempty"`
	Input      *string           `json:"input,omitempty"`
	Result     *string           `json:"result,omitempty"`
	Error      *view.ErrorText   `json:"error,omitempty"`
	Paused     *pauseDetails     `json:"paused,omitempty"`
	Waiting    string            `json:"waitingFor,omitempty"`
	Advice     string            `json:"advice,omitempty"`
	Operations []*view.Operation `json:"operations,omitempty"`
}

func summaryOf(e *described) summary {
	s := summary{
		ARN: aws.ToString(e.DurableExecutionArn), Name: aws.ToString(e.DurableExecutionName),
		Function: aws.ToString(e.FunctionArn), Status: string(e.Status), Start: aws.ToTime(e.StartTimestamp).UTC(),
		Input: e.InputPayload, Result: e.Result, Error: view.ErrorTextOf(failureOf(e.Error)), Paused: e.pause,
	}
	if s.Error != nil && *s.Error == (view.ErrorText{}) {
		s.Error = nil // an execution that was stopped without a word
	}
	if e.EndTimestamp != nil {
		end := e.EndTimestamp.UTC()
		s.End = &end
	}
	return s
}

// table prints rows in columns.
func (a *app) table(rows [][]string) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(a.Out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// stamp prints a time, with its zone.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// cut shortens a text to a line of that many columns.
func cut(text string, columns int) string {
	text = strings.Join(strings.Fields(text), " ")
	runes := []rune(text)
	if columns < 8 {
		columns = 8
	}
	if len(runes) <= columns {
		return text
	}
	return string(runes[:columns-1]) + "…"
}

// width is how many columns lines have: without a terminal nothing is cut.
func (a *app) width() int {
	if a.Width > 0 {
		return a.Width
	}
	return math.MaxInt32
}
