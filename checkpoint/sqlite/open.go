package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/perdure/perdure/checkpoint/local"
)

// Errors that callers distinguish with errors.Is.
var (
	// ErrInUse says that another process writes the store.
	ErrInUse = errors.New("another process uses the store")
	// ErrReadOnly says that a store that was opened with ReadOnly cannot be written.
	ErrReadOnly = errors.New("the store was opened for reading")
	// ErrClosed says that the store has been closed.
	ErrClosed = errors.New("the store is closed")
	// ErrDamaged says that the file is damaged.
	ErrDamaged = errors.New("the file is damaged")
	// ErrDisk says that the disk is full, or has failed: what was to be stored is not.
	ErrDisk = errors.New("the disk has refused it")
)

// Option configures a [Store].
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

type config struct {
	readOnly  bool
	retention time.Duration
}

// WithReadOnly opens a store that exists for reading; another process may write it meanwhile.
func WithReadOnly() Option { return optionFunc(func(c *config) { c.readOnly = true }) }

// WithRetention sets for how long an execution is kept after its end. The default is 14 days, as on
// AWS; zero and less keep executions forever. What is older is deleted when the store is opened
// and about once an hour.
// Limit: 1 to 90 days on AWS (Lambda API, DurableConfig.RetentionPeriodInDays); any here.
func WithRetention(d time.Duration) Option {
	return optionFunc(func(c *config) { c.retention = d })
}

const defaultRetention = 14 * 24 * time.Hour

var _ local.Store = (*Store)(nil)

// Store keeps executions in a file. It is safe for concurrent use. Make one with [Open] and close
// it, after the service that uses it.
type Store struct {
	config
	path string
	lock *os.File // nil if no one is kept away

	// requests are transitions on their way to the writer; stopped is closed when it has ended.
	requests chan *request
	closing  chan struct{}
	stopped  chan struct{}

	mu    sync.Mutex // guards what follows
	conn  *sqlite3.Conn
	stmts map[string]*sqlite3.Stmt
	// written are executions that go on and were written by this store, by their ARNs.
	written map[string]written
	closed  bool
	pruned  time.Time
}

// Open opens a store, or makes one, which only its owner can read, if there is no file. path may
// also be a URI of SQLite ("file:…"); then no second process is kept from writing.
//
// A file of up to 256 MiB is checked as a whole; of a larger one each page when it is read.
//
// The error is [ErrInUse], [ErrSchema], [ErrDamaged], [ErrDisk], or that of the file system.
func Open(path string, opts ...Option) (*Store, error) {
	s := &Store{
		config: config{retention: defaultRetention}, path: path,
		stmts: make(map[string]*sqlite3.Stmt), written: make(map[string]written),
		requests: make(chan *request, maxBatch), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	for _, o := range opts {
		o.apply(&s.config)
	}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", path, errors.Join(err, s.release()))
	}
	if s.readOnly {
		close(s.stopped)
		return s, nil
	}
	go s.write()
	return s, nil
}

func (s *Store) open() (err error) {
	name, isURI := s.path, strings.HasPrefix(s.path, "file:")
	flags := sqlite3.OPEN_READONLY | sqlite3.OPEN_URI
	if !s.readOnly {
		flags = sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE | sqlite3.OPEN_URI
		if !isURI {
			if err := s.seize(); err != nil {
				return err
			}
			if err := s.create(); err != nil {
				return err
			}
			name = private(s.path)
		}
	}
	s.conn, err = sqlite3.OpenFlags(name, flags)
	if err != nil {
		return explain(err)
	}
	if err := s.conn.BusyTimeout(busyTimeout); err != nil {
		return err
	}
	version, err := checkSchema(s.conn)
	if err != nil {
		return explain(err)
	}
	if s.readOnly && version < len(migrations) {
		return fmt.Errorf("%w: version %d; open it for writing once", ErrSchema, version)
	}
	if err := check(s.conn); err != nil || s.readOnly { // before anything is written
		return explain(err)
	}
	if err := s.configure(); err != nil {
		return explain(err)
	}
	if err := migrate(s.conn, version); err != nil {
		return explain(err)
	}
	return s.prune()
}

// configure makes the file durable, and has each of its pages carry a checksum.
func (s *Store) configure() error {
	if err := s.conn.EnableChecksums("main"); err != nil {
		return err
	}
	return s.conn.Exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;
		PRAGMA checkpoint_fullfsync = ON; PRAGMA secure_delete = OFF; PRAGMA journal_size_limit = 67108864`)
}

// busyTimeout is how long the store waits for another process that has locked the file for a
// moment.
const busyTimeout = 10 * time.Second

// seize keeps other processes from writing the store, for as long as this one lives.
func (s *Store) seize() error {
	if dir := filepath.Dir(s.path); dir != "." {
		if _, err := os.Stat(dir); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(s.path+"-lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	s.lock = f
	return seizeFile(f)
}

// create makes the file, if there is none, such that only its owner reads what executions are
// given.
func (s *Store) create() error {
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// checkedBytes is the largest file that is checked as a whole when it is opened: it takes about a
// second.
const checkedBytes = 256 << 20

// check looks for damage in a file that is not too large.
func check(c *sqlite3.Conn) error {
	pages, err := number(c, `PRAGMA page_count`)
	if err != nil {
		return err
	}
	size, err := number(c, `PRAGMA page_size`)
	if err != nil {
		return err
	}
	// SQLite keeps none, or those for a checksum.
	if n, err := c.FileControl("main", sqlite3.FCNTL_RESERVE_BYTES); err != nil || n != 0 && n != 8 {
		return errors.Join(err, damaged(fmt.Errorf("it keeps %v bytes of each page", n)))
	}
	if pages*size > checkedBytes {
		return nil
	}
	answer := ""
	if err := ask(c, `PRAGMA quick_check(1)`, func(s *sqlite3.Stmt) { answer = s.ColumnText(0) }); err != nil {
		return err
	}
	if answer != "ok" {
		return damaged(errors.New(strings.Join(strings.Fields(strings.TrimPrefix(answer, "*** in database main ***")), " ")))
	}
	return nil
}

// explain says of an error of SQLite what it means, and what to do.
func explain(err error) error {
	switch {
	case errors.Is(err, sqlite3.CORRUPT), errors.Is(err, sqlite3.NOTADB),
		errors.Is(err, sqlite3.IOERR_DATA), errors.Is(err, sqlite3.IOERR_SHORT_READ): // a checksum, and a file that was cut
		return damaged(err)
	case errors.Is(err, sqlite3.FULL), errors.Is(err, sqlite3.IOERR):
		return fmt.Errorf("%w: %w; free some space, or look for errors of the disk: what was stored before is safe", ErrDisk, err)
	}
	return err
}

func damaged(err error) error {
	return fmt.Errorf("%w, or not a store: %w; restore it from a copy, or move it away to begin with an empty one", ErrDamaged, err)
}

// Close waits for transitions that are being committed and closes the file. Later calls fail with
// [ErrClosed].
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.closing)
	s.mu.Unlock()
	<-s.stopped
	return s.release()
}

// release closes what open has opened.
func (s *Store) release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, stmt := range s.stmts {
		err = errors.Join(err, stmt.Close())
	}
	s.stmts = nil
	if s.conn != nil {
		err = errors.Join(err, s.conn.Close())
		s.conn = nil
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
		s.lock = nil
	}
	return err
}
