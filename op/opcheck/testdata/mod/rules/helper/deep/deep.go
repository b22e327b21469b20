// Package deep is between.
package deep

import "example.test/shop/rules/helper/deeper"

// Age calls the clock of another package.
func Age(since int64) int64 { return deeper.Stamp() - since }

// Sum does nothing that matters.
func Sum(a, b int) int { return deeper.Add(a, b) }
