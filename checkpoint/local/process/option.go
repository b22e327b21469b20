package process

import (
	"sync"
	"time"
)

// Option configures a [Function].
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

type config struct {
	args, env    []string
	dir          string
	inherit      bool
	endpoint     string
	output       func(Line)
	processes    int
	initTimeout  time.Duration
	idleTimeout  time.Duration
	maxLineBytes int
}

func newConfig(opts []Option) config {
	c := config{processes: 10, initTimeout: 10 * time.Second, idleTimeout: 10 * time.Minute, maxLineBytes: 64 << 10}
	for _, o := range opts {
		o.apply(&c)
	}
	return c
}

// WithArgs sets the arguments of the program. The default is none.
func WithArgs(args ...string) Option {
	return optionFunc(func(c *config) { c.args = args })
}

// WithDir sets the folder the program runs in. The default is that of this process.
func WithDir(dir string) Option {
	return optionFunc(func(c *config) { c.dir = dir })
}

// WithEnv adds variables, each "NAME=value", to the environment of the program. Given several
// times, all are added; of two values of one name the last counts, also over those that the
// package sets.
func WithEnv(variables ...string) Option {
	return optionFunc(func(c *config) { c.env = append(c.env, variables...) })
}

// WithInheritedEnv gives the program the environment of this process. By default it gets PATH,
// HOME, TMPDIR and what Lambda sets, so that it does not depend on more.
func WithInheritedEnv() Option {
	return optionFunc(func(c *config) { c.inherit = true })
}

// WithEndpoint shows the program where the durable service is: the URL of a server with
// lambdaapi.Handler. By default it gets no address, and a durable function calls AWS.
func WithEndpoint(url string) Option {
	return optionFunc(func(c *config) { c.endpoint = url })
}

// WithOutput has f called with every line that the program writes, one line at a time, whichever
// process and stream it is from: f needs no lock, and a program that writes waits for it. By
// default they are dropped.
func WithOutput(f func(Line)) Option {
	return optionFunc(func(c *config) {
		if c.output = nil; f != nil {
			var mu sync.Mutex
			c.output = func(l Line) {
				mu.Lock()
				defer mu.Unlock()
				f(l)
			}
		}
	})
}

// WithMaxProcesses limits how many processes run at once, and with them how many invocations: a
// process works on one at a time. Zero and less stand for the default, 10.
func WithMaxProcesses(n int) Option {
	return optionFunc(func(c *config) {
		if n > 0 {
			c.processes = n
		}
	})
}

// WithInitTimeout limits how long a process may take until it asks for its first event. Zero and
// less stand for the default, 10 seconds (Lambda, init phase).
func WithInitTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) {
		if d > 0 {
			c.initTimeout = d
		}
	})
}

// WithIdleTimeout ends a process that no one has needed for d. Zero and less stand for the
// default, 10 minutes.
func WithIdleTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) {
		if d > 0 {
			c.idleTimeout = d
		}
	})
}
