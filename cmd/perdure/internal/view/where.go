package view

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// nearlyOver begins the message of the line that a function logs a second before its invocation is
// cut off.
const nearlyOver = "the invocation's time is nearly over"

// TimedOut reports whether the time-out of the function has cut off an invocation of the execution.
func (h *History) TimedOut() bool {
	for i := range h.Ended {
		if f := h.Ended[i].Failure; f != nil && timedOut(f) {
			return true
		}
	}
	return false
}

var (
	userPlace    = regexp.MustCompile(`[\w.-]+\.go:\d+`)
	userFunction = regexp.MustCompile(`[A-Za-z_]\w*(?:\.func\d+(?:\.\d+)*)*$`)
)

// mostPlaces is how many lines of code are named.
const mostPlaces = 4

// WhereCutOff says in which lines of code the bodies of an execution were when their invocations
// were nearly over, and what follows from that. lines are what the function has logged in it; the
// text is empty if none of them says so.
func WhereCutOff(lines []string) string {
	count, total := make(map[string]int), 0
	var places []string
	most := 0
	for _, line := range lines {
		place := placeInLine(line)
		if place == "" {
			continue
		}
		if count[place] == 0 {
			places = append(places, place)
		}
		count[place]++
		total++
		most = max(most, count[place])
	}
	if total == 0 {
		return ""
	}
	var named []string
	for i, place := range places {
		if i == mostPlaces {
			named = append(named, fmt.Sprintf("and %d more", len(places)-i))
			break
		}
		named = append(named, fmt.Sprintf("%s (%d×)", place, count[place]))
	}
	text := strings.Join(named, ", ") + ": "
	switch {
	case total == 1:
		return text + "if the next one is cut off in the same line, it hangs there."
	case len(places) == 1:
		return text + "the same line each time, so it hangs there, unless that line is the pause of a loop that gets on."
	case most*3 > total*2:
		return text + "mostly the same line, so it most likely hangs there."
	}
	return text + "different lines, so it is slow, and does not hang."
}

// placeInLine returns the function and the line of code that a line of the log names as the one in
// which a body was; it is empty if the line is about something else.
func placeInLine(line string) string {
	if !strings.Contains(line, nearlyOver) {
		return ""
	}
	var r struct {
		Message string `json:"message"`
		Waits   string `json:"waits"`
	}
	if json.Unmarshal([]byte(line), &r) != nil || !strings.HasPrefix(r.Message, nearlyOver) {
		return ""
	}
	first, _, _ := strings.Cut(r.Waits, "; ") // that of the body
	function, _, _ := strings.Cut(first, " ")
	name := userFunction.FindString(strings.ReplaceAll(function, "[...]", ""))
	return strings.TrimSpace(name + " " + userPlace.FindString(first))
}
