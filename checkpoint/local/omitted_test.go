package local_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// TestLaterUpdatesMayOmitWhatIsRecorded: Name, SubType and ParentId of an operation are compared
// with its record only if an update has them, and what is omitted stays (AWS emulator,
// checkpoint/validators/checkpoint.py). The official Rust SDK omits them at the end of its
// branches.
func TestLaterUpdatesMayOmitWhatIsRecorded(t *testing.T) {
	t.Parallel()
	members := map[string]func(*checkpoint.Update){
		"Name":     func(u *checkpoint.Update) { u.Name = "" },
		"SubType":  func(u *checkpoint.Update) { u.SubType = "" },
		"ParentId": func(u *checkpoint.Update) { u.ParentID = "" },
		"all":      func(u *checkpoint.Update) { u.Name, u.SubType, u.ParentID = "", "", "" },
	}
	ends := []struct {
		reason      string
		first, then checkpoint.Update
		event       local.EventType
	}{
		{"a step succeeds", below("p", stepStart("x")), below("p", stepSucceed("x", "1")), local.EventStepSucceeded},
		{"a step fails", below("p", stepStart("x")), below("p", stepFail("x", "no")), local.EventStepFailed},
		{"a step is to be tried again", below("p", stepStart("x")), below("p", stepRetry("x", time.Second, nil)), local.EventStepSucceeded},
		{"a context succeeds", below("p", contextStart("x")), below("p", contextSucceed("x", "1")), local.EventContextSucceeded},
		{
			"a context fails", below("p", contextStart("x")),
			below("p", update(checkpoint.KindContext, checkpoint.ActionFail, "x")), local.EventContextFailed,
		},
		{
			"a wait is cancelled", below("p", waitStart("x", time.Hour)),
			below("p", update(checkpoint.KindWait, checkpoint.ActionCancel, "x")), local.EventWaitCancelled,
		},
	}
	for what, omit := range members {
		for _, together := range []bool{true, false} {
			for _, tt := range ends {
				if together && tt.first.Kind == checkpoint.KindWait {
					continue // only a STEP and a CONTEXT may end in the call that starts them
				}
				then := tt.then
				omit(&then)
				e := inside(t, func(k *talk) string {
					if together {
						k.must(t, contextStart("p"), tt.first, then)
					} else {
						k.must(t, contextStart("p"), tt.first)
						k.must(t, then)
					}
					return ""
				})
				o, _ := e.Operation("x")
				got := [3]string{o.Name, o.SubType, o.ParentID}
				want := [3]string{tt.first.Name, tt.first.SubType, "p"}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s without %s, in one call %t: the record (-want +got):\n%s", tt.reason, what, together, diff)
				}
				var seen bool
				for _, ev := range e.History() {
					if ev.OperationID != "x" || ev.Type != tt.event {
						continue
					}
					seen = true
					if diff := cmp.Diff(want, [3]string{ev.Name, ev.SubType, ev.ParentID}); diff != "" {
						t.Errorf("%s without %s, in one call %t: the event (-want +got):\n%s", tt.reason, what, together, diff)
					}
				}
				if !seen {
					t.Errorf("%s without %s, in one call %t: there is no %s", tt.reason, what, together, tt.event)
				}
			}
		}
	}
}
