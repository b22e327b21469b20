// Package domain has the types of loan applications.
package domain

import (
	"errors"
	"time"
)

// Application is the input of the function.
type Application struct {
	ID        string     `json:"id"`
	Applicant string     `json:"applicant"`
	Cents     int64      `json:"cents"`
	Months    int        `json:"months"`
	Documents []Document `json:"documents"`
	Filed     time.Time  `json:"filed"`
}

// Document is something that the applicant has sent.
type Document struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	URL  string `json:"url"`
}

// Verified is what is known of a document.
type Verified struct {
	DocumentID string `json:"documentId"`
	Genuine    bool   `json:"genuine"`
}

// Review is the answer of a reviewer.
type Review struct {
	Approved bool   `json:"approved"`
	Reviewer string `json:"reviewer"`
	Note     string `json:"note"`
}

// Signature is the answer of the signing service.
type Signature struct {
	SignedAt time.Time `json:"signedAt"`
}

// Outcome says how an application ended.
type Outcome struct {
	ID       string    `json:"id"`
	Status   Status    `json:"status"`
	Reason   string    `json:"reason,omitempty"`
	Decided  time.Time `json:"decided"`
	PayoutID string    `json:"payoutId,omitempty"`
}

// Status is that of an application.
type Status string

// How an application ends.
const (
	Granted  Status = "granted"
	Rejected Status = "rejected"
	Expired  Status = "expired"
)

// ErrRegistryClosed says that the registry takes no entries at this time.
var ErrRegistryClosed = errors.New("the registry is closed")
