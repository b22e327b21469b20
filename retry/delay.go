package retry

import (
	"math"
	"time"

	"github.com/perdure/perdure/internal/limits"
)

// growth is the way in which the delay depends on the number of the attempt.
type growth int

const (
	byFactor growth = iota
	bySum
	byNothing
)

// jitter is the part of the delay that is drawn.
type jitter int

const (
	noJitter jitter = iota
	halfJitter
	fullJitter
)

// delay returns the delay after a, rounded to the nearest second, half a second up, and at least 1
// s.
func (c *config) delay(a Attempt) time.Duration {
	base := c.base(a.Number)

	switch c.jitter {
	case noJitter:
	case halfJitter:
		base = base/2 + scale(base-base/2, draw(a.Rand))
	case fullJitter:
		base = scale(base, draw(a.Rand))
	}

	return max(base.Round(time.Second), limits.Second)
}

// base returns the delay after attempt n before jitter. It never overflows and never exceeds the
// ceiling.
func (c *config) base(n int) time.Duration {
	switch c.growth {
	case byNothing:
		return min(c.initial, c.ceiling)
	case bySum:
		if c.initial > c.ceiling/time.Duration(n) {
			return c.ceiling
		}

		return c.initial * time.Duration(n)
	case byFactor:
	}

	if n == 1 || c.initial == 0 {
		return min(c.initial, c.ceiling)
	}

	d := float64(c.initial) * math.Pow(c.rate, float64(n-1))
	if d >= float64(c.ceiling) {
		return c.ceiling
	}

	return time.Duration(d)
}

// draw calls a source of numbers in [0, 1), and corrects one that does not keep to that.
func draw(source func() float64) float64 {
	if source == nil {
		return 0.5
	}

	r := source()
	if math.IsNaN(r) {
		return 0.5
	}

	return min(max(r, 0), 1)
}

func scale(d time.Duration, by float64) time.Duration {
	return time.Duration(by * float64(d))
}
