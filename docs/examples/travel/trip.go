package main

import (
	"errors"

	"github.com/perdure/perdure/op"
)

// The errors of sellers that code branches on.
var (
	ErrSoldOut       = errors.New("sold out")
	ErrNotRefundable = errors.New("the booking cannot be cancelled")
)

// Trip is what a customer wants.
type Trip struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	To       string `json:"to"`
	Day      string `json:"day"`
}

// Booking is what a seller has booked.
type Booking struct {
	Number string `json:"number"`
	Cents  int64  `json:"cents"`
}

// Bookings are all parts of a trip.
type Bookings struct {
	Flight Booking `json:"flight"`
	Hotel  Booking `json:"hotel"`
	Car    Booking `json:"car"`
}

// Total is the price of a trip in cents.
func (b Bookings) Total() int64 { return b.Flight.Cents + b.Hotel.Cents + b.Car.Cents }

// Status says how a trip ended.
type Status string

// The ends of a trip.
const (
	Booked      Status = "booked"
	TakenBack   Status = "taken back"
	NeedsPerson Status = "needs a person"
)

// Outcome is the result: a trip, or the report of what became of its parts.
type Outcome struct {
	Trip     string   `json:"trip"`
	Status   Status   `json:"status"`
	Bookings Bookings `json:"bookings,omitzero"`
	// Reason is why the trip was not booked.
	Reason string `json:"reason,omitempty"`
	// Cancelled are the operations that were taken back, in the order that was done.
	Cancelled []string `json:"cancelled,omitempty"`
	// Kept are those that could not be taken back, with the reason.
	Kept []Kept `json:"kept,omitempty"`
	// Unknown are those of which it is not known whether they were booked.
	Unknown []string `json:"unknown,omitempty"`
}

// Kept is a booking that could not be cancelled.
type Kept struct {
	Operation string `json:"operation"`
	Reason    string `json:"reason"`
}

// outcome is what a saga means for the customer.
func outcome(trip Trip, saga op.SagaResult[Bookings]) Outcome {
	if saga.Err == nil {
		return Outcome{Trip: trip.ID, Status: Booked, Bookings: saga.Value}
	}
	out := Outcome{
		Trip: trip.ID, Status: TakenBack, Reason: saga.Err.Error(), Cancelled: saga.Undone, Unknown: saga.Unknown,
	}
	if undo, ok := errors.AsType[*op.UndoError](saga.Err); ok {
		out.Reason = undo.Cause.Error() // without what is in Kept and Unknown
	}
	for _, err := range saga.Failed {
		kept := Kept{Reason: err.Error()}
		if failed, ok := errors.AsType[*op.Error](err); ok {
			kept.Operation = failed.Path
		}
		out.Kept = append(out.Kept, kept)
	}
	if !saga.Compensated() {
		out.Status = NeedsPerson
	}
	return out
}
