package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Receipt is what the customer gets.
type Receipt struct {
	Order    string  `json:"order"`
	Customer string  `json:"customer"`
	Date     string  `json:"date"`
	Lines    []Line  `json:"lines"`
	Total    Cents   `json:"total"`
	Currency string  `json:"currency"`
	Payment  Payment `json:"payment"`
}

// Line is one item on a receipt.
type Line struct {
	Name     string `json:"name"`
	Quantity int    `json:"quantity"`
	Amount   Cents  `json:"amount"`
	Tracking string `json:"tracking"`
}

func receipt(o Order, pay Payment, parcels []Parcel, date time.Time) Receipt {
	r := Receipt{
		Order: o.ID, Customer: o.Customer, Date: date.Format("2 January 2006"), Total: o.Total(), Currency: o.Currency, Payment: pay,
	}
	for n, i := range o.Items {
		r.Lines = append(r.Lines, Line{
			Name: i.Name, Quantity: i.Quantity, Amount: i.Amount(), Tracking: parcels[n].Tracking,
		})
	}
	return r
}

// print writes the receipt as a table.
func (r Receipt) print(w io.Writer) {
	name, amount := len("total"), len(r.Total.String())
	for _, l := range r.Lines {
		name = max(name, len([]rune(l.Name)))
	}
	rule := strings.Repeat("-", 8+name+2+amount+1+len(r.Currency))
	fmt.Fprintf(w, "\nreceipt %s\n%s, %s\n%s\n", r.Order, r.Customer, r.Date, rule)
	for _, l := range r.Lines {
		pad := strings.Repeat(" ", name-len([]rune(l.Name)))
		fmt.Fprintf(w, "%5d x %s%s  %*s %s   parcel %s\n", l.Quantity, l.Name, pad, amount, l.Amount, r.Currency, l.Tracking)
	}
	fmt.Fprintf(w, "%s\n%8s%-*s  %*s %s   %s, card ending in %s\n", rule, "", name, "total", amount, r.Total, r.Currency,
		r.Payment.ID, r.Payment.Card)
}
