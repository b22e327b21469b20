package replaytest

// exploring is what the options of Explore say.
type exploring struct {
	schedules int
	seed      uint64
	bound     int
}
