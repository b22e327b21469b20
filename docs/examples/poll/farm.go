package main

import (
	"context"
	"errors"
	"log/slog"
	"path"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
)

// Film is what is to be transcoded.
type Film struct {
	ID      string `json:"id"`
	File    string `json:"file"`
	Seconds int    `json:"seconds"`
}

// Movie is what comes of it.
type Movie struct {
	URL string `json:"url"`
}

// The phases of a job.
const (
	running   = "running"
	done      = "done"
	failed    = "failed"
	cancelled = "cancelled"
)

// Status is what the farm says of a job.
type Status struct {
	Phase   string `json:"phase"`
	Percent int    `json:"percent"`
	Reason  string `json:"reason,omitempty"`
}

// ErrUnavailable says that the farm has not answered.
var ErrUnavailable = errors.New("503 Service Unavailable")

// Farm is the service that transcodes, a second of film in a second. It calls no one back, and it
// is down now and then.
type Farm struct {
	// DownFrom and DownTo are when it does not answer, counted from the first job.
	DownFrom, DownTo time.Duration

	mu   sync.Mutex
	jobs map[string]*job
	born time.Time
}

type job struct {
	film  Film
	since time.Time
	ended Status // if it was cancelled
}

// Submit makes a job. The ID of the film is the idempotency key: asked again, the farm finds the
// job that it has.
func (f *Farm) Submit(ctx context.Context, film Film) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, err := f.receive(ctx)
	if err != nil {
		return "", err
	}
	id := "job-" + film.ID
	if f.jobs[id] != nil {
		op.LoggerFrom(ctx).InfoContext(ctx, "has the job already", slog.String("job", id))
		return id, nil
	}
	if f.jobs == nil {
		f.jobs, f.born = make(map[string]*job), now
	}
	f.jobs[id] = &job{film: film, since: now}
	op.LoggerFrom(ctx).InfoContext(ctx, "begins", slog.String("job", id))
	return id, nil
}

// Status says how far a job is.
func (f *Farm) Status(ctx context.Context, id string) (Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, err := f.receive(ctx)
	if err != nil {
		op.LoggerFrom(ctx).InfoContext(ctx, "no answer", slog.String("why", err.Error()))
		return Status{}, err
	}
	s := f.jobs[id].status(now)
	op.LoggerFrom(ctx).InfoContext(ctx, "answers", slog.String("phase", s.Phase), slog.Int("percent", s.Percent))
	return s, nil
}

// Cancel ends a job that runs, and says how the job has ended. Asked again it says the same.
func (f *Farm) Cancel(ctx context.Context, id string) (Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, err := f.receive(ctx)
	if err != nil {
		return Status{}, err
	}
	j := f.jobs[id]
	s := j.status(now)
	if s.Phase == running {
		s.Phase = cancelled
		j.ended = s
	}
	op.LoggerFrom(ctx).InfoContext(ctx, "answers", slog.String("phase", s.Phase), slog.Int("percent", s.Percent))
	return s, nil
}

// Movie returns what a job has made.
func (f *Farm) Movie(ctx context.Context, id string) (Movie, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.receive(ctx); err != nil {
		return Movie{}, err
	}
	m := Movie{URL: "https://movies.example.com/" + f.jobs[id].film.ID + ".mp4"}
	op.LoggerFrom(ctx).InfoContext(ctx, "is at", slog.String("url", m.URL))
	return m, nil
}

// Jobs returns how many jobs there are, and how many of them were cancelled.
func (f *Farm) Jobs() (all, stopped int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range f.jobs {
		if j.ended.Phase == cancelled {
			stopped++
		}
	}
	return len(f.jobs), stopped
}

// receive takes a request, unless the farm is down.
func (f *Farm) receive(ctx context.Context) (now time.Time, err error) {
	now = checkpoint.ClockFrom(ctx).Now()
	if age := now.Sub(f.born); f.jobs != nil && f.DownFrom <= age && age < f.DownTo {
		return now, ErrUnavailable
	}
	return now, nil
}

// status is how far a job is.
func (j *job) status(now time.Time) Status {
	const half = 50
	percent := int(100 * now.Sub(j.since) / (time.Duration(j.film.Seconds) * time.Second)) //nolint:mnd // percent
	switch {
	case j.ended.Phase != "":
		return j.ended
	case path.Ext(j.film.File) == ".raw" && percent >= half:
		return Status{Phase: failed, Percent: half, Reason: "frame 71003 cannot be decoded"}
	case percent >= 100: //nolint:mnd // percent
		return Status{Phase: done, Percent: 100} //nolint:mnd // percent
	}
	return Status{Phase: running, Percent: percent}
}
