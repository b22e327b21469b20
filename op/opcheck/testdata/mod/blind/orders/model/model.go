// Package model has the types of orders.
package model

import (
	"errors"
	"time"
)

// Card is a payment card as the shop's page sends it.
type Card struct {
	Number string `json:"number"`
	Expiry string `json:"expiry"`
	CVC    string `json:"cvc"`
	Holder string `json:"holder"`
}

// Line is a line of an order.
type Line struct {
	SKU       string `json:"sku"`
	Warehouse string `json:"warehouse"`
	Quantity  int    `json:"quantity"`
	Cents     int64  `json:"cents"`
}

// Order is the input of the function.
type Order struct {
	ID       string    `json:"id"`
	Customer string    `json:"customer"`
	Email    string    `json:"email"`
	Card     Card      `json:"card"`
	Lines    []Line    `json:"lines"`
	PlacedAt time.Time `json:"placedAt"`
}

// Total is the sum of the lines.
func (o Order) Total() (n int64) {
	for _, l := range o.Lines {
		n += l.Cents * int64(l.Quantity)
	}
	return n
}

// Charge is what a payment needs.
type Charge struct {
	OrderID string `json:"orderId"`
	Card    Card   `json:"card"`
	Cents   int64  `json:"cents"`
}

// Payment is a charge that was made.
type Payment struct {
	ID    string `json:"id"`
	Cents int64  `json:"cents"`
}

// Pick is what one warehouse packs.
type Pick struct {
	OrderID   string `json:"orderId"`
	Warehouse string `json:"warehouse"`
	Lines     []Line `json:"lines"`
}

// Shipment is a parcel on its way.
type Shipment struct {
	Tracking  string `json:"tracking"`
	Warehouse string `json:"warehouse"`
}

// Refund is money that goes back.
type Refund struct {
	PaymentID string `json:"paymentId"`
	Cents     int64  `json:"cents"`
	Reason    string `json:"reason"`
}

// Receipt is the result of the function.
type Receipt struct {
	OrderID   string     `json:"orderId"`
	Payment   Payment    `json:"payment"`
	Shipments []Shipment `json:"shipments"`
	At        time.Time  `json:"at"`
}

// Errors of orders.
var (
	ErrDeclined   = errors.New("card declined")
	ErrOutOfStock = errors.New("out of stock")
)
