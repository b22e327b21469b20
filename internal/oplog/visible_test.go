package oplog_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
)

func TestVisible(t *testing.T) {
	t.Parallel()
	context := func(id, parent string, status checkpoint.Status, keeps bool) checkpoint.Operation {
		return checkpoint.Operation{ID: id, ParentID: parent, Kind: checkpoint.KindContext, Status: status, ReplayChildren: keeps}
	}
	const started, succeeded = checkpoint.StatusStarted, checkpoint.StatusSucceeded
	tests := []struct {
		reason string
		ops    []checkpoint.Operation
		want   []string
	}{
		{"nothing", nil, nil},
		{"an open context shows its children", []checkpoint.Operation{context("a", "", started, false), context("b", "a", started, false)}, []string{"a", "b"}},
		{"one that has ended does not", []checkpoint.Operation{context("a", "", succeeded, false), context("b", "a", succeeded, false)}, []string{"a"}},
		{"nor what is deeper", []checkpoint.Operation{context("a", "", succeeded, false), context("b", "a", succeeded, true), context("c", "b", succeeded, false)}, []string{"a"}},
		{"unless it keeps its result in them", []checkpoint.Operation{context("a", "", succeeded, true), context("b", "a", succeeded, false)}, []string{"a", "b"}},
		{"a parent may come later", []checkpoint.Operation{context("b", "a", started, false), context("a", "", succeeded, false)}, []string{"a"}},
		{"a circle ends", []checkpoint.Operation{context("a", "b", started, false), context("b", "a", started, false), context("c", "", succeeded, false)}, []string{"a", "b", "c"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			given := slices.Clone(tt.ops)
			var ids []string
			for _, o := range oplog.Visible(tt.ops) {
				ids = append(ids, o.ID)
			}
			if diff := cmp.Diff(tt.want, ids); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(given, tt.ops, cmp.Comparer(checkpoint.Payload.Equal)); diff != "" {
				t.Errorf("what was given has changed:\n%s", diff)
			}
		})
	}
}
