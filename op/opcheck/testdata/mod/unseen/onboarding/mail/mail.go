// Package mail writes mails.
package mail

import (
	"bytes"
	"context"
	"net/smtp"
	"os"
	"text/template"
)

// Sender sends mails.
type Sender struct {
	Addr, From, Folder string
}

// Render fills a template in.
func (s Sender) Render(name string, data any) (string, error) {
	text, err := os.ReadFile(s.Folder + "/" + name + ".txt")
	if err != nil {
		return "", err
	}
	t, err := template.New(name).Parse(string(text))
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = t.Execute(&b, data)
	return b.String(), err
}

// Send sends one.
func (s Sender) Send(_ context.Context, to, text string) error {
	return smtp.SendMail(s.Addr, nil, s.From, []string{to}, []byte(text))
}
