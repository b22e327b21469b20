package replayotel_test

import (
	"testing"

	"github.com/perdure/perdure/replay/replayotel"
)

func TestParseXRay(t *testing.T) {
	t.Parallel()
	const root, parent, none = "5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8", "-"
	tests := []struct{ reason, header, trace, span, sampled string }{
		{"all fields", caller, root, parent, "true"},
		{"not sampled", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0", root, parent, "false"},
		{"blanks, another order, fields that are not known", " Sampled = 1 ; Lineage=a:0 ;Parent=53995c3f42cd8ad8; Root=1-5759e988-bd862e3fe1be46a994272793", root, parent, "true"},
		{"undecided", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=?", root, parent, none},
		{"without Parent", "Root=1-5759e988-bd862e3fe1be46a994272793", root, none, none},
		{"a Parent of zeros", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=0000000000000000", root, none, none},
		{"a Parent that is too short", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f", root, none, none},
		{"another version", "Root=2-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8", none, none, none},
		{"a Root of zeros", "Root=1-00000000-000000000000000000000000;Parent=53995c3f42cd8ad8;Sampled=1", none, none, "true"},
		{"a Root that is cut otherwise", "Root=1-5759e988b-d862e3fe1be46a994272793;Parent=53995c3f42cd8ad8", none, none, none},
		{"a Root with other digits", "Root=1-5759e98g-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8", none, none, none},
		{"empty", "", none, none, none},
		{"no header", ";;=;a", none, none, none},
	}
	for _, tt := range tests {
		a := replayotel.ParseXRay(tt.header)
		trace, span, sampled := none, none, none
		if a.TraceID.IsValid() {
			trace = a.TraceID.String()
		}
		if a.SpanID.IsValid() {
			span = a.SpanID.String()
		}
		if a.Sampled != nil {
			sampled = map[bool]string{true: "true", false: "false"}[*a.Sampled]
		}
		if trace != tt.trace || span != tt.span || sampled != tt.sampled {
			t.Errorf("%s: %q is %s %s %s, want %s %s %s", tt.reason, tt.header, trace, span, sampled, tt.trace, tt.span, tt.sampled)
		}
	}
}
