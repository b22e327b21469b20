package turn

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// idler is a machine that does nothing.
type idler struct{}

func (idler) Output()                 {}
func (idler) Quiescent() bool         { return false }
func (idler) Idle() bool              { return false }
func (idler) Waiting() bool           { return false }
func (idler) Crashed(v any, _ []byte) { panic(v) }
func (idler) Revoked(*Strand, []byte) {}

// waiter is a machine that could always go on if the turn were given away.
type waiter struct{ idler }

func (waiter) Waiting() bool { return true }

// task is a task that is a function.
type task func()

func (f task) Run() { f() }
func (task) Ended() {}

// Left lets a panic go on.
func (task) Left(v any, _ bool) {
	if v != nil {
		panic(v)
	}
}

// lockSpinning locks the turn's mutex. Code that waited for it would lose the turn.
func (t *Turn) lockSpinning() {
	for !t.mu.TryLock() {
	}
}

// Code that gets the turn while others wait is watched, also if the watchdog is about to stop just
// then.
func TestWatchdogIsSetWhileOthersWait(t *testing.T) {
	t.Parallel()
	tn := New(waiter{})
	done, stop := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				tn.sample()
			}
		}
	})
	unwatched := 0
	tn.Post(func() {
		var s *Strand
		s = tn.Spawn(nil, task(func() {
			var p Seat
			p.Sit(s)
			for range 200_000 {
				tn.Leave(&p)
				tn.lockSpinning()
				if !tn.dog.set.Load() && tn.now.Load() == p.ticket {
					unwatched++
				}
				tn.mu.Unlock()
				p.Enter()
			}
			close(done)
		}))
	})
	<-done
	close(stop)
	wg.Wait()
	if unwatched > 0 {
		t.Errorf("the watchdog was not set %d times", unwatched)
	}
}

// Looks at code that computes become rare: each stops all goroutines.
func TestLooksAtComputingCodeBecomeRare(t *testing.T) {
	t.Parallel()
	tn := New(idler{})
	done := make(chan struct{})
	looks := 0
	tn.Post(func() {
		var s *Strand
		s = tn.Spawn(nil, task(func() {
			var p Seat
			p.Sit(s)
			tn.Spawn(nil, task(func() { close(done) }))
			tn.Leave(&p)
			seen := 0
			for began := time.Now(); time.Since(began) < 300*time.Millisecond || looks == 0; {
				tn.lockSpinning()
				if busy := tn.dog.busy; busy != seen {
					seen = busy
					looks++
				}
				tn.mu.Unlock()
			}
			p.Enter()
		}))
	})
	<-done
	if looks == 0 || looks > 5 { // after 20, 40, 80, 160 milliseconds
		t.Errorf("%d looks in 300 ms", looks)
	}
}

func TestWatchdogIsNotSetAtRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tn := New(idler{})
		tn.Post(func() {
			var s *Strand
			s = tn.Spawn(nil, task(func() {
				var p Seat
				p.Sit(s)
				tn.Leave(&p)
				if !tn.dog.set.Load() {
					t.Error("the watchdog is not set while another strand waits")
				}
				p.Enter()
			}))
			tn.Spawn(nil, task(func() {}))
		})
		time.Sleep(2 * period)
		if tn.dog.set.Load() {
			t.Error("the watchdog is set at rest")
		}
	})
}

// The stack of a strand is found however many goroutines there are, and however long their stacks.
func TestStackIsFoundAmongMany(t *testing.T) {
	t.Parallel()
	const n = 3_000
	numbers, stop := make(chan uint64, n), make(chan struct{})
	var deep func(levels int)
	deep = func(levels int) {
		if levels > 0 {
			deep(levels - 1)
			return
		}
		numbers <- number()
		<-stop
	}
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { deep(10) })
	}
	defer wg.Wait()
	defer close(stop)
	all := make([]uint64, n)
	for i := range all {
		all[i] = <-numbers
	}
	began := time.Now()
	stacks, _ := Dump()
	t.Logf("%d bytes in %v", len(stacks), time.Since(began))
	if len(stacks) <= fewestBytes {
		t.Fatalf("the dump has only %d bytes", len(stacks))
	}
	for i := 0; i < n; i += n / 20 {
		number := all[i]
		if stackOf(stacks, number) == nil {
			t.Fatalf("goroutine %d, the %dth, is not found in %d bytes", number, i, len(stacks))
		}
	}
}

func TestWaits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		line, reason string
		want         bool
	}{
		{"goroutine 7 [running]:", "it computes", false},
		{"goroutine 7 [running, locked to thread]:", "it computes", false},
		{"goroutine 7 [runnable]:", "it would if a processor were free", false},
		{"goroutine 7 [runnable (scan)]:", "the collector looks at it", false},
		{"goroutine 7 [syscall]:", "it reads a file, or is in C", false},
		{"goroutine 7 [copystack]:", "its stack grows", false},
		{"goroutine 7 [preempted]:", "it was stopped", false},
		{"goroutine 7 [GC assist wait]:", "it pays for what it allocates", false},
		{"goroutine 7 [garbage collection]:", "it has asked for one", false},
		{"goroutine 7 [wait for GC cycle]:", "it has asked for one", false},
		{"goroutine 7 [stopping the world]:", "it reads statistics", false},
		{"goroutine 7 [sync.Mutex.Lock]:", "another holds the mutex", true},
		{"goroutine 7 [sync.Mutex.Lock, 2 minutes]:", "another holds the mutex", true},
		{"goroutine 7 [chan receive, synctest bubble 1]:", "another has to send", true},
		{"goroutine 7 [semacquire]:\ninternal/poll.runtime_Semacquire(0x1)", "another uses the file", true},
		{"goroutine 7 [semacquire]:", "it allocates, and begins a collection while the world is stopped", false},
		{"goroutine 7 [flushing proc caches]:", "it collects", false},
		{"goroutine 7 [select]:", "another has to send", true},
		{"goroutine 7 [sleep]:", "it does nothing", true},
		{"goroutine 7 [IO wait]:", "it waits for the network", true},
		{"", "it was not found", false},
		{"goroutine 7", "it has no state", false},
	}
	for _, tt := range tests {
		if got := waits([]byte(tt.line + "\nmain.main()\n")); got != tt.want {
			t.Errorf("%q: %s: got %t, want %t", tt.line, tt.reason, got, tt.want)
		}
	}
}

func TestNumberOfAGoroutine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		stack, reason string
		want          uint64
	}{
		{"goroutine 12 [running]:", "as it is printed", 12},
		{"goroutine 18446744073709551615 [running]:", "the largest one", 1<<64 - 1},
		{"goroutine ", "it was cut off", 0},
		{"goroutine x [running]:", "not a number", 0},
		{"", "nothing", 0},
	}
	for _, tt := range tests {
		if got := parseNumber([]byte(tt.stack)); got != tt.want {
			t.Errorf("%q: %s: got %d, want %d", tt.stack, tt.reason, got, tt.want)
		}
	}
	buf := make([]byte, 1<<20)
	mine := stackOf(buf[:runtime.Stack(buf, true)], number())
	if mine == nil || waits(mine) {
		t.Errorf("the stack of this goroutine is %q", mine)
	}
	if stackOf([]byte("goroutine 12 [running]:\nx\n\ngoroutine 1 [select]:\ny"), 1) == nil {
		t.Error("goroutine 1 is not found behind goroutine 12")
	}
}

// Two goroutines that exist at the same time are distinguished.
func TestGoroutinesDiffer(t *testing.T) {
	t.Parallel()
	mine := g()
	other := make(chan uintptr)
	go func() { other <- g() }()
	if mine == 0 || mine == <-other || mine != g() {
		t.Errorf("g is %x", mine)
	}
}

func TestQueueIsFirstInFirstOut(t *testing.T) {
	t.Parallel()
	var q queue[int]
	if _, ok := q.pop(); ok || q.len() != 0 {
		t.Error("an empty queue has an item")
	}
	pushed, popped := 0, 0
	for round := range 2_000 { // never empty in the middle part
		for range 1 + round%3 {
			q.push(pushed)
			pushed++
		}
		for range 1 + (round+1)%3 {
			v, ok := q.pop()
			if !ok {
				break
			}
			if v != popped {
				t.Fatalf("got %d, want %d", v, popped)
			}
			popped++
		}
		if q.len() != pushed-popped {
			t.Fatalf("%d items, want %d", q.len(), pushed-popped)
		}
	}
}

// A queue that is never empty must not keep what was taken from it.
func TestQueueDoesNotGrowWithWhatWasTaken(t *testing.T) {
	t.Parallel()
	var q queue[*int]
	q.push(new(int))
	for range 100_000 {
		q.push(new(int))
		q.pop()
	}
	if c := cap(q.items); c > 64 {
		t.Errorf("a queue of one or two items has room for %d", c)
	}
}

// strandsAtWork runs strands that block in user code below many functions, one after the other, and
// returns them with what ends them.
func strandsAtWork(t *testing.T, n int) (strands []*Strand, end func()) {
	t.Helper()
	tn := New(idler{})
	release := make(chan struct{})
	blocked := make(chan *Strand)
	var ended sync.WaitGroup
	ended.Add(n)
	for range n {
		tn.Post(func() {
			var s *Strand
			s = tn.Spawn(nil, task(func() {
				defer ended.Done()
				s.Off(Body, func() { below(20, func() { blocked <- s; <-release }) })
			}))
		})
		strands = append(strands, <-blocked)
	}
	return strands, func() { close(release); ended.Wait() }
}

//go:noinline
func below(depth int, f func()) {
	if depth == 0 {
		f()
		return
	}
	below(depth-1, f)
}

// TestDumpIsWhole: thousands of goroutines do not fit the fewest bytes of a dump, and none of them
// is missing.
func TestDumpIsWhole(t *testing.T) { //nolint:paralleltest // the stacks are those of the process
	const many = 8000
	stop := make(chan struct{})
	var begun, ended sync.WaitGroup
	begun.Add(many)
	for range many {
		ended.Go(func() {
			begun.Done()
			<-stop
		})
	}
	begun.Wait()
	stacks, whole := Dump()
	close(stop)
	ended.Wait()
	if len(stacks) <= fewestBytes {
		t.Fatalf("the dump has only %d bytes", len(stacks))
	}
	if n := bytes.Count(stacks, []byte("TestDumpIsWhole.func1")); !whole || n < many {
		t.Errorf("the dump has %d of %d goroutines, whole: %t", n, many, whole)
	}
}

// TestStacksSayWhoseTheyAre: each strand is found in a dump, by the argument of its main function,
// and by its number where stacks do not show arguments.
func TestStacksSayWhoseTheyAre(t *testing.T) {
	t.Parallel()
	strands, end := strandsAtWork(t, 50)
	defer end()
	all, _ := Dump()
	seen := make(map[uint64]bool)
	for i, s := range strands {
		if s.number != 0 {
			t.Fatal("stacks do not say whose they are: every strand pays for its number")
		}
		stack := s.find(all)
		n := parseNumber(stack)
		if n == 0 || seen[n] || !waits(stack) {
			t.Fatalf("strand %d, goroutine %d, has the stack\n%s", i, n, stack)
		}
		seen[n] = true
		s.number = n
		if string(s.find(all)) != string(stack) {
			t.Errorf("strand %d has another stack by its number", i)
		}
	}
	if stack := (&Strand{turn: strands[0].turn}).find(all); stack != nil {
		t.Errorf("a strand that has not begun has the stack\n%s", stack)
	}
}

func TestIsMainOf(t *testing.T) {
	t.Parallel()
	s := &Strand{turn: new(Turn)}
	at, turn := fmt.Sprintf("%p", s), fmt.Sprintf(", %p", s.turn)
	const frame = "\ngithub.com/perdure/perdure/internal/turn.(*Strand).main("
	tests := []struct {
		reason, stack string
		want          bool
	}{
		{"the arguments", "goroutine 5 [running]:" + frame + at + turn + ")\n\t/a.go:1", true},
		{"arguments that need not be kept", "goroutine 5 [running]:" + frame + at + "?" + turn + "?)\n", true},
		{"another strand", "goroutine 5 [running]:" + frame + "0xc000000001" + turn + ")\n", false},
		{"another turn", "goroutine 5 [running]:" + frame + at + ", 0xc000000001)\n", false},
		{"a strand whose address begins alike", "goroutine 5 [running]:" + frame + at + "0" + turn + ")\n", false},
		{"a turn whose address begins alike", "goroutine 5 [running]:" + frame + at + turn + "0)\n", false},
		{"one argument", "goroutine 5 [running]:" + frame + at + ")\n", false},
		{"arguments are not shown", "goroutine 5 [running]:" + frame + "...)\n", false},
		{"a stack that is cut off", "goroutine 5 [running]:" + frame + at + turn, false},
		{"a goroutine of others", "goroutine 5 [running]:\nmain.main()\n", false},
		{"created by a strand", "goroutine 5 [running]:\nmain.f()\ncreated by turn.(*Strand).main in goroutine 1", false},
	}
	for _, tt := range tests {
		if got := s.isMainOf([]byte(tt.stack)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.reason, got, tt.want)
		}
	}
}

// TestWhoseAStackIs: a turn knows its own strands, those of others and what is none, whether stacks
// show it or goroutines have to be asked for their numbers.
func TestWhoseAStackIs(t *testing.T) { //nolint:paralleltest // it changes what is known of all stacks
	strands, end := strandsAtWork(t, 3)
	defer end()
	others, end2 := strandsAtWork(t, 2)
	defer end2()
	all, _ := Dump()
	none := []byte("goroutine 5 [running]:\nmain.main()\n")
	check := func(how string) {
		t.Helper()
		for _, s := range append(strands, others...) {
			strand, own := strands[0].turn.Whose(s.find(all))
			if want := s.turn == strands[0].turn; !strand || own != want {
				t.Errorf("%s: a strand: %t, its own: %t, want %t", how, strand, own, want)
			}
		}
		if strand, own := strands[0].turn.Whose(none); strand || own {
			t.Errorf("%s: main is a strand: %t, its own: %t", how, strand, own)
		}
	}
	check("arguments")
	shown.Store(showsNot)
	defer shown.Store(shows)
	for _, s := range strands {
		s.turn.numbered(parseNumber(s.find(all)))
	}
	check("numbers")
}
