package sqlite_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ncruces/go-sqlite3/vfs"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"

	"github.com/perdure/perdure/checkpoint/sqlite"
)

// sector is what a disk writes as a whole.
const sector = 512

// disk is a file system that may forget, when the power fails, what was not synchronised, by the
// sector.
type disk struct {
	mu    sync.Mutex
	files map[string]*blob
	// left is how many operations succeed before the power fails, or what why says; negative:
	// nothing does.
	left int
	made int
	why  error
	// syncing is called before a file is synchronised.
	syncing func()
}

// blob is a file: what the disk holds, what programs see, and the writes in between.
type blob struct {
	durable, seen []byte
	pending       []write
}

type write struct {
	at   int64
	data []byte // nil: the file is cut at that place
}

var errPower = errors.New("the power has failed")

func newDisk() *disk {
	return &disk{files: make(map[string]*blob), left: -1, why: errPower, syncing: func() {}}
}

// spend counts an operation that changes the disk, and fails if there is no power left for it.
func (d *disk) spend() error {
	if d.left == 0 {
		return d.why
	}
	d.left--
	d.made++
	return nil
}

// fail returns the disk after a power failure. Of what was not synchronised it has what keep
// chooses.
func (d *disk) fail(keep func() bool) *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := newDisk()
	for name, b := range d.files {
		content := slices.Clone(b.durable)
		for _, w := range b.pending {
			if w.data == nil {
				if keep() {
					content = resize(content, w.at)
				}
				continue
			}
			for i := 0; i < len(w.data); i += sector {
				if keep() {
					content = overwrite(content, w.at+int64(i), w.data[i:min(i+sector, len(w.data))])
				}
			}
		}
		after.files[name] = &blob{durable: content, seen: slices.Clone(content)}
	}
	return after
}

func resize(b []byte, size int64) []byte {
	for int64(len(b)) < size {
		b = append(b, 0)
	}
	return b[:size]
}

func overwrite(b []byte, at int64, data []byte) []byte {
	b = resize(b, max(int64(len(b)), at+int64(len(data))))
	copy(b[at:], data)
	return b
}

// Open implements vfs.VFS.
func (d *disk) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.files[name]
	if b == nil {
		if flags&vfs.OPEN_CREATE == 0 {
			return nil, flags, os.ErrNotExist
		}
		b = &blob{}
		d.files[name] = b
	}
	return &handle{d, b}, flags, nil
}

// Delete implements vfs.VFS.
func (d *disk) Delete(name string, _ bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.spend(); err != nil {
		return err
	}
	delete(d.files, name)
	return nil
}

// Access implements vfs.VFS.
func (d *disk) Access(name string, _ vfs.AccessFlag) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.files[name] != nil, nil
}

// FullPathname implements vfs.VFS.
func (d *disk) FullPathname(name string) (string, error) { return name, nil }

// handle is an open file.
type handle struct {
	d *disk
	b *blob
}

func (h *handle) Close() error { return nil }

func (h *handle) ReadAt(p []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if off >= int64(len(h.b.seen)) {
		return 0, io.EOF
	}
	n := copy(p, h.b.seen[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(p []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := h.d.spend(); err != nil {
		return 0, err
	}
	h.b.pending = append(h.b.pending, write{off, slices.Clone(p)})
	h.b.seen = overwrite(h.b.seen, off, p)
	return len(p), nil
}

func (h *handle) Truncate(size int64) error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := h.d.spend(); err != nil {
		return err
	}
	h.b.pending = append(h.b.pending, write{at: size})
	h.b.seen = resize(h.b.seen, size)
	return nil
}

func (h *handle) Sync(vfs.SyncFlag) error {
	h.d.syncing()
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := h.d.spend(); err != nil {
		return err
	}
	h.b.durable, h.b.pending = slices.Clone(h.b.seen), nil
	return nil
}

func (h *handle) Size() (int64, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	return int64(len(h.b.seen)), nil
}

func (h *handle) Lock(vfs.LockLevel) error         { return nil }
func (h *handle) Unlock(vfs.LockLevel) error       { return nil }
func (h *handle) CheckReservedLock() (bool, error) { return false, nil }
func (h *handle) SectorSize() int                  { return sector }
func (h *handle) DeviceCharacteristics() vfs.DeviceCharacteristic {
	return 0 // nothing is promised
}

// mount gives a disk a name by which SQLite finds it, and returns the URI of a store on it.
func mount(t *testing.T, d *disk, name string) string {
	t.Helper()
	vfs.Register(name, d)
	t.Cleanup(func() { vfs.Unregister(name) })
	return "file:/executions.db?vfs=" + name + "&_pragma=locking_mode(exclusive)" // no shared memory on that disk
}

// refuse has the disk refuse everything, and say why, after some operations; it stops refusing if
// left is negative.
func (d *disk) refuse(left int, why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left, d.why = left, why
}

// openOn opens a store on a disk and closes it with the test.
func openOn(t *testing.T, d *disk, name string) *sqlite.Store {
	t.Helper()
	name = strings.ReplaceAll(name, " ", "-")
	return open(t, mount(t, d, name))
}

// load is what is committed while the power may fail.
type load struct {
	transitions int
	bytes       int // of the result of each
	stride      int // the power fails at every few operations of the disk
}

// transition returns one of two executions.
func (l load) transition(n int) local.Transition {
	t := powerTransition(n)
	if l.bytes > 0 {
		t.Records[0].Payload = checkpoint.TextPayload(strings.Repeat("x", l.bytes))
	}
	return t
}

// work commits transitions until one fails, and returns how many were acknowledged.
func (l load) work(uri string) (acknowledged int) {
	s, err := sqlite.Open(uri)
	if err != nil {
		return 0
	}
	defer func() { _ = s.Close() }() // there may be no power for it
	for n := range l.transitions {
		if s.Commit(l.transition(n)) != nil {
			return n
		}
	}
	return l.transitions
}

const powerTransitions = 12

func powerTransition(n int) local.Transition {
	return transition([]string{"even", "odd"}[n%2], n/2+1, time.Time{})
}

// TestPowerLoss has the power fail while transitions are committed: what was acknowledged is there,
// and of what was not, all or nothing.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]load{
		"few": {transitions: powerTransitions, stride: max(1, 4/draws.Count(1))},
		// More than a thousand pages, after which SQLite moves the log into the file.
		"many": {transitions: 24, bytes: 300_000, stride: 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := newDisk()
			if got := l.work(mount(t, whole, "whole-"+name)); got != l.transitions {
				t.Fatalf("%d transitions", got)
			}
			failures, kept, partly := 0, 0, 0
			for at := 0; at <= whole.made; at += l.stride {
				random := rand.New(rand.NewPCG(uint64(at), 1))
				for luck, keep := range map[string]func() bool{
					"none": func() bool { return false },
					"some": func() bool { return random.IntN(2) == 0 },
					"all":  func() bool { return true },
				} {
					d := newDisk()
					d.left = at
					acknowledged := l.work(mount(t, d, fmt.Sprintf("failing-%s-%d-%s", name, at, luck)))
					found := l.inspect(t, d.fail(keep), fmt.Sprintf("failed-%s-%d-%s", name, at, luck), acknowledged)
					failures++
					kept += acknowledged
					if found > acknowledged {
						partly++
					}
				}
			}
			t.Logf("the power failed %d times, at every %d. of %d operations of the disk; %d acknowledged transitions were all there; "+
				"%d times one more was, that was not acknowledged", failures, l.stride, whole.made+1, kept, partly)
		})
	}
}

// inspect opens a store after a power failure and compares it with the model: a store in memory
// with what was acknowledged, or with one transition more. It returns how many transitions there
// are.
func (l load) inspect(t *testing.T, d *disk, name string, acknowledged int) (found int) {
	t.Helper()
	s, err := sqlite.Open(mount(t, d, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer closeStore(t, s)
	diff := ""
	for found = acknowledged; found <= min(acknowledged+1, l.transitions); found++ {
		model := local.NewMemoryStore()
		for n := range found {
			commit(t, model, l.transition(n))
		}
		if diff = cmp.Diff(content(model), content(s)); diff == "" {
			commit(t, s, transition("after", 1, time.Time{})) // it can be used
			return found
		}
	}
	t.Fatalf("%s: %d transitions were acknowledged (-want +got):\n%s", name, acknowledged, diff)
	return 0
}

func content(s local.Store) (all []any) {
	for _, arn := range []string{"even", "odd"} {
		kept, err := s.Load(arn)
		events, eventsErr := s.Events(arn, 0, 0)
		slices.SortFunc(kept.Timers, func(a, b local.Timer) int { return strings.Compare(a.Operation, b.Operation) })
		all = append(all, kept, events, errors.Is(err, local.ErrNotFound), errors.Is(eventsErr, local.ErrNotFound))
	}
	return all
}
