// Package people keeps who has signed up.
package people

import (
	"context"
	"database/sql"
	"errors"
)

// ErrTaken says that a name is another person's.
var ErrTaken = errors.New("name is taken")

// Profile is what is known of a person.
type Profile struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	email string
	Extra any `json:"extra"`
}

// Email is the address of the person.
func (p Profile) Email() string { return p.email }

// Repo is the table of people.
type Repo interface {
	Create(ctx context.Context, name, email string) (Profile, error)
	Plan(ctx context.Context, id string) (string, error)
}

// DB is the Repo in a database.
type DB struct{ SQL *sql.DB }

// Create writes a person.
func (d DB) Create(ctx context.Context, name, email string) (Profile, error) {
	p := Profile{Name: name, email: email}
	err := d.SQL.QueryRowContext(ctx, "insert into people (name, email) values ($1, $2) returning id", name, email).Scan(&p.ID)
	return p, err
}

// Plan is what the person pays for.
func (d DB) Plan(ctx context.Context, id string) (string, error) {
	var plan string
	err := d.SQL.QueryRowContext(ctx, "select plan from people where id = $1", id).Scan(&plan)
	return plan, err
}
