// Package bureau asks credit bureaus.
package bureau

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"net/http"
)

// A Page is a part of a list.
type Page[T any] struct {
	Items []T `json:"items"`
	next  string
}

// More reports whether there is more.
func (p Page[T]) More() bool { return p.next != "" }

// A Score is what a bureau says.
type Score struct {
	Bureau string `json:"bureau"`
	Points int    `json:"points"`
}

// Unavailable is the error of a bureau that does not answer.
type Unavailable struct{ Bureau string }

func (u *Unavailable) Error() string { return u.Bureau + " is unavailable" }

// IsTransient reports whether it is worth while to ask again.
func IsTransient(err error) bool {
	var u *Unavailable
	return errors.As(err, &u)
}

// A Ticketer makes ticket numbers.
type Ticketer interface{ Ticket() int }

type dice struct{ sides int }

func (d dice) Ticket() int { return 1 + rand.IntN(d.sides) }

// Client asks bureaus.
type Client struct {
	Ticketer
	db   *sql.DB
	http *http.Client
}

// New makes a client.
func New(db *sql.DB) *Client {
	return &Client{Ticketer: dice{sides: 1_000_000}, db: db, http: http.DefaultClient}
}

// Blocked reports whether a person is on the list.
func (c *Client) Blocked(person string) (blocked bool) {
	if err := c.db.QueryRow("select blocked from people where id = ?", person).Scan(&blocked); err != nil {
		return true
	}
	return blocked
}

// Scores lists the scores of a person.
func (c *Client) Scores(ctx context.Context, person string) (Page[Score], error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://bureau.example/"+person, nil)
	if err != nil {
		return Page[Score]{}, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Page[Score]{}, &Unavailable{Bureau: "first"}
	}
	defer resp.Body.Close()
	return Page[Score]{Items: []Score{{"first", resp.StatusCode}}, next: resp.Header.Get("Link")}, nil
}
