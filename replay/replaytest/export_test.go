package replaytest

// ParseSchedule returns how a schedule that was read is spelled.
func ParseSchedule(text string) (string, error) {
	s, err := parseSchedule(text)
	return s.String(), err
}

// Matches reports whether a path is the one of an option.
func Matches(pattern, path string) bool { return matches(pattern, path) }
