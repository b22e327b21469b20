package conformance

// Outcome compares how an execution ended with what the requirement expects: the status, and, if
// the execution succeeded and the requirement has a result, the value of the JSON that it
// returned. What is not JSON counts as a text, no result as null. A status that the requirement
// does not name may be any.
func (v *Vars) Outcome(want *Result, status string, result []byte) []string {
	if want == nil {
		return nil
	}
	if want.Status != "" && want.Status != status {
		return difference("status", false, want.Status, status)
	}
	if status != "SUCCEEDED" || want.Value.Kind == 0 {
		return nil
	}
	expected, err := valueOf(&want.Value)
	if err != nil {
		return []string{"result: " + err.Error()}
	}
	var got any
	if result != nil {
		if got, err = parseJSON(result); err != nil {
			got = string(result)
		}
	}
	expected = v.expandAll(expected)
	return difference("result", equal(expected, got), expected, got)
}
