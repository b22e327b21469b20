// Package settings is the configuration of the service.
package settings

import (
	"os"
	"strconv"
	"sync"
)

// Settings are read once per process.
type Settings struct {
	ReviewAbove int64
	Region      string
}

var load = sync.OnceValue(func() Settings {
	above, err := strconv.ParseInt(os.Getenv("REVIEW_ABOVE_CENTS"), 10, 64)
	if err != nil {
		above = 500_00
	}
	return Settings{ReviewAbove: above, Region: os.Getenv("AWS_REGION")}
})

// Current returns the settings.
func Current() Settings { return load() }
