// Package notify says people and systems what became of orders.
package notify

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// Alerter raises an alert for the people on call.
type Alerter interface {
	Raise(topic, text string)
}

// Pager is the alerter of production.
type Pager struct {
	Client *http.Client
	URL    string
}

// Raise raises an alert.
func (p *Pager) Raise(topic, text string) {
	form := url.Values{"topic": {topic}, "text": {text}}
	res, err := p.Client.Post(p.URL, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err == nil {
		res.Body.Close()
	}
}

// Mail is a letter to a customer.
type Mail struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
}

// Mailer sends mails.
type Mailer struct {
	Client *http.Client
	URL    string
}

// Send sends a mail.
func (m *Mailer) Send(ctx context.Context, mail Mail) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, strings.NewReader(mail.To+"\n"+mail.Subject))
	if err != nil {
		return err
	}
	res, err := m.Client.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}
