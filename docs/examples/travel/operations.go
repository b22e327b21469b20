package main

import (
	"context"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/retry"
)

// Travel declares what is done for a trip. Nothing runs yet.
type Travel struct {
	flight, hotel, car op.Builder[Trip, Booking]
	askDesk            op.Builder[Outcome, op.None]
}

// Seller is a company that sells a part of a trip.
type Seller interface {
	// Book books for a trip. Asked again with the same key it returns the same booking, if the
	// company knows keys.
	Book(ctx context.Context, key string, trip Trip) (Booking, error)
	// Cancel gives a booking back. A booking that is cancelled already is no error.
	Cancel(ctx context.Context, b Booking) error
}

// NewTravel declares the operations. The car company knows no idempotency keys: it is asked at most
// once.
func NewTravel(flights, hotels, cars Seller, ask func(context.Context, Outcome) error) *Travel {
	refused := op.WithErrors(codec.Sentinel("SoldOut", ErrSoldOut), codec.Sentinel("NotRefundable", ErrNotRefundable))
	again := op.WithRetry(retry.Exponential(retry.MaxAttempts(5), retry.Unless(retry.OnIs(ErrSoldOut))))
	// A company may be closed for a night: cancellations are tried for a day.
	patiently := op.WithRetry(retry.Exponential(retry.MaxAttempts(12), retry.InitialDelay(time.Minute),
		retry.MaxDelay(3*time.Hour), retry.Unless(retry.OnIs(ErrNotRefundable))))
	once := op.WithSemantics(op.AtMostOncePerRetry)
	return &Travel{
		flight: op.StepFunc("book-flight", booking(flights, "flight"), again, refused).
			Undo(flights.Cancel, patiently, refused),
		hotel: op.StepFunc("book-hotel", booking(hotels, "hotel"), again, refused).
			Undo(hotels.Cancel, patiently, refused),
		car: op.StepFunc("book-car", booking(cars, "car"), once, refused).
			Undo(cars.Cancel, patiently, refused),
		askDesk: op.DoFunc("ask-desk", ask),
	}
}

// booking is the body of a step. The key is one of the business: a second execution for the same
// trip has it too.
func booking(from Seller, part string) func(context.Context, Trip) (Booking, error) {
	return func(ctx context.Context, trip Trip) (Booking, error) {
		return from.Book(ctx, trip.ID+"/"+part, trip)
	}
}
