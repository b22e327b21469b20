// Package civil has dates without a time of day.
package civil

import "time"

// Date is a day.
type Date struct {
	Year  int        `json:"year"`
	Month time.Month `json:"month"`
	Day   int        `json:"day"`
}

// Of returns the day of a time.
func Of(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// A Source says which time it is.
type Source func() time.Time

// Default is the time of the machine.
var Default Source = time.Now

// In converts what a source says.
func In[T any](s Source, conv func(time.Time) T) T {
	return conv(s())
}

// Today is today.
func Today() Date {
	return In(time.Now, Of)
}

// Days is the number of days from a to b.
func Days(a, b Date) int {
	f := func(d Date) time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }
	return int(f(b).Sub(f(a)) / (24 * time.Hour))
}
