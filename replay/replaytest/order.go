package replaytest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// mostOrders is how many orders of one wave are tried: all of four bodies.
const mostOrders = 24

// gathering is how long, in real time, bodies wait for others that run at the same time.
const gathering = 10 * time.Millisecond

// turnTime bounds, in real time, how long a body waits for its turn: the one before may not run at
// all.
const turnTime = 50 * time.Millisecond

// ordersOf is how many orders of a wave of that many bodies are tried.
func ordersOf(size int) int {
	n := 1
	for i := 2; i <= size && n < mostOrders; i++ {
		n *= i
	}
	return min(n, mostOrders)
}

// waves finds the bodies that can run at the same time, two or more, and notes their paths.
func (x *explorer) waves(base *trial) [][]string {
	if !base.k.beside {
		return nil
	}
	m := &meeting{}
	x.run(nil, m)
	waves := slices.DeleteFunc(m.waves, func(w []string) bool { return len(w) < 2 }) //nolint:mnd // one has no order
	for _, at := range slices.Concat(waves...) {
		x.together[pathOf(at)] = true
	}
	return waves
}

// orders returns the orders in which the bodies of a wave are to end.
func (x *explorer) orders(wave []string) [][]string {
	if ordersOf(len(wave)) < mostOrders || len(wave) == 4 { //nolint:mnd // 4! is mostOrders
		return permutations(wave)
	}
	rng := rand.New(rand.NewPCG(x.cfg.explore.seed, uint64(len(wave))))
	var list [][]string
	for seen := make(map[string]bool); len(list) < mostOrders; {
		order := slices.Clone(wave)
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		if key := strings.Join(order, before); !seen[key] {
			seen[key] = true
			list = append(list, order)
		}
	}
	return list
}

// permutations returns all orders of a list.
func permutations(list []string) [][]string {
	if len(list) < 2 { //nolint:mnd // one has no order
		return [][]string{slices.Clone(list)}
	}
	var all [][]string
	for i := range list {
		for _, rest := range permutations(slices.Delete(slices.Clone(list), i, i+1)) {
			all = append(all, append([]string{list[i]}, rest...))
		}
	}
	return all
}

// meeting finds the bodies that can run at the same time: each one waits at its end until no other
// one comes.
type meeting struct {
	mu    sync.Mutex // guards what follows
	here  []string
	open  chan struct{}
	timer *time.Timer
	waves [][]string
}

// join waits for the others. A nil meeting waits for no one.
func (m *meeting) join(at string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	if m.open == nil {
		m.open = make(chan struct{})
		m.timer = time.AfterFunc(gathering, m.end)
	} else {
		m.timer.Reset(gathering)
	}
	m.here = append(m.here, at)
	open := m.open
	m.mu.Unlock()
	<-open
}

// end lets all go that are here.
func (m *meeting) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open == nil {
		return
	}
	slices.Sort(m.here)
	m.waves = append(m.waves, m.here)
	close(m.open)
	m.here, m.open = nil, nil
}

// turns has bodies end in an order.
type turns struct {
	mu    sync.Mutex // guards what follows
	order []string
	over  []chan struct{} // closed when what the body ended with is in the log, or a while after it ended
	ended []bool
}

// newTurns returns nil if there is no order.
func newTurns(order []string) *turns {
	if len(order) == 0 {
		return nil
	}
	t := &turns{order: order, over: make([]chan struct{}, len(order)), ended: make([]bool, len(order))}
	for i := range t.over {
		t.over[i] = make(chan struct{})
	}
	return t
}

// take waits until the bodies before have ended, and reports whether this was the last one. Nil
// waits for no one.
func (t *turns) take(at string) (last bool) {
	if t == nil {
		return false
	}
	i := slices.Index(t.order, at)
	if i < 0 {
		return false
	}
	given := make(chan struct{})
	timer := time.AfterFunc(turnTime, func() { close(given) })
	for _, earlier := range t.over[:i] {
		select {
		case <-earlier:
		case <-given:
		}
	}
	timer.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended[i] = true
	time.AfterFunc(lateness, func() { t.finish(i) })
	return !slices.Contains(t.ended, false)
}

// recorded says that an attempt of a step is in the log.
func (t *turns) recorded(path string) {
	if t == nil {
		return
	}
	for i, at := range t.order {
		t.mu.Lock()
		ended := t.ended[i]
		t.mu.Unlock()
		if ended && pathOf(at) == path {
			t.finish(i)
		}
	}
}

// pathOf returns the path of a run of a body, "path@run".
func pathOf(at string) string { return at[:strings.LastIndexByte(at, '@')] }

func (t *turns) finish(i int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.over[i]:
	default:
		close(t.over[i])
	}
}
