package main

import "time"

// Invoice is what a customer owes.
type Invoice struct {
	ID       string    `json:"id"`
	Customer string    `json:"customer"`
	Cents    int64     `json:"cents"`
	Due      time.Time `json:"due"`
}

// Stage is what happens on a day after the invoice was due, unless it has been paid.
type Stage struct {
	Name string
	Kind kind
	Day  int   // after the invoice was due
	Fee  int64 // in cents, that the letter asks for
}

// kind says what a stage does.
type kind int

const (
	letter kind = iota
	collection
	loss
)

// stages are the way from a friendly letter to a loss. Those of executions under way are known by
// their names: insert one with op.Added.
var stages = []Stage{
	{Name: "reminder", Day: 7},
	{Name: "second-reminder", Day: 21, Fee: 5_00},
	{Name: "last-notice", Day: 35, Fee: 10_00},
	{Name: "collection", Kind: collection, Day: 49},
	{Name: "write-off", Kind: loss, Day: 230},
}

// begins is when a stage of an invoice begins.
func (s Stage) begins(inv Invoice) time.Time { return inv.Due.AddDate(0, 0, s.Day) }

// fees are those of some stages.
func fees(stages []Stage) (cents int64) {
	for _, s := range stages {
		cents += s.Fee
	}
	return cents
}

// names are those of some stages.
func names(stages []Stage) (names []string) {
	for _, s := range stages {
		names = append(names, s.Name)
	}
	return names
}

// Expected is what the ledger is to wait for, and whom it is to inform.
type Expected struct {
	Invoice    Invoice
	CallbackID string
}

// Letter is what the post is given.
type Letter struct {
	Invoice Invoice
	Stage   Stage
}

// Payment is what the ledger answers.
type Payment struct {
	Cents int64 `json:"cents"`
}

// Status says how the dunning ended.
type Status string

// The ends of an invoice.
const (
	Paid       Status = "paid"
	Cancelled  Status = "cancelled"
	WrittenOff Status = "written off"
)

// Settlement is the result.
type Settlement struct {
	Invoice string `json:"invoice"`
	Status  Status `json:"status"`
	// Stages are those that had begun.
	Stages []string `json:"stages,omitempty"`
	// Received is what the customer has paid, Waived what of the fees is missing, Lost what of the
	// invoice is, all in cents.
	Received int64 `json:"received,omitempty"`
	Waived   int64 `json:"waived,omitempty"`
	Lost     int64 `json:"lost,omitempty"`
}
