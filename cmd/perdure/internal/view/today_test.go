package view_test

import (
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// TestToday: what runs under an older name is shown with both, and what the code has no more is
// shown so; paths and JSON keep the name that the log has.
func TestToday(t *testing.T) {
	t.Parallel()
	s := newScript().op(local.EventContextStarted, "group", "").op(local.EventStepStarted, "charge-card", "group")
	s.op(local.EventStepStarted, "send-fax", "")
	h, now := view.Read(s.events), begin.Add(time.Second)
	h.SetToday([]view.Today{{ID: "charge-card", Now: "pay"}, {ID: "send-fax"}, {ID: "unknown", Now: "x"}})
	charge, fax := h.Operation("charge-card"), h.Operation("send-fax")
	for got, want := range map[string]string{
		charge.Label():                 "charge-card (now pay)",
		charge.Path():                  "group/charge-card",
		charge.Name + "|" + charge.Now: "charge-card|pay",
		fax.Label():                    "send-fax (removed)",
		h.Operation("group").Label():   "group",
	} {
		if got != want && want != "" {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, text := range []string{h.Mermaid(true), h.DOT(true), strings.Join(h.Timeline(now, 100, true), "\n"), h.Doing(now)} {
		if !strings.Contains(text, "charge-card (now pay)") {
			t.Errorf("a form does not have both names:\n%s", text)
		}
	}
	h.SetToday(nil)
	if got := charge.Label() + fax.Label(); got != "charge-cardsend-fax" {
		t.Errorf("code that was changed back: %s", got)
	}
}
