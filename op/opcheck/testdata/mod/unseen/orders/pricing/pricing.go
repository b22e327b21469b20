// Package pricing computes what an order costs.
package pricing

import "time"

// Line is one line of an order.
type Line struct {
	SKU   string
	Count int
	Cents int64
}

// Total is the price of the lines after discounts.
func Total(lines []Line, percent int64) int64 {
	var sum int64
	for _, l := range lines {
		sum += int64(l.Count) * l.Cents
	}
	return sum * (100 - percent) / 100
}

// HolidayDiscount is the discount of the season in percent.
func HolidayDiscount() int64 {
	if isSeason(today()) {
		return 15
	}
	return 0
}

func isSeason(d time.Time) bool { return d.Month() == time.December }

func today() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }
