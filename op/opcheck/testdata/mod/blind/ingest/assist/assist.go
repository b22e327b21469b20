// Package assist asks a language model and a market of reports about suppliers.
package assist

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// Role says who speaks.
type Role string

// Who speaks.
const (
	User      Role = "user"
	Assistant Role = "assistant"
)

// Message is a part of a conversation.
type Message struct {
	Role Role   `json:"role"`
	Text string `json:"text"`
}

// Prompt is what the model is asked.
type Prompt struct {
	Turn     int       `json:"turn"`
	Supplier string    `json:"supplier"`
	Talk     []Message `json:"talk"`
}

// Reply is what the model answers.
type Reply struct {
	Text       string `json:"text"`
	WantReport bool   `json:"wantReport"`
}

// Model is a language model.
type Model struct {
	life context.Context
	http *http.Client
	url  string
}

// NewModel returns a model whose requests end with life.
func NewModel(life context.Context, c *http.Client, url string) *Model {
	return &Model{life: life, http: c, url: url}
}

// Ask asks the model.
func (m *Model) Ask(_ context.Context, p Prompt) (Reply, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return Reply{}, err
	}
	req, err := http.NewRequestWithContext(m.life, http.MethodPost, m.url, strings.NewReader(string(b)))
	if err != nil {
		return Reply{}, err
	}
	res, err := m.http.Do(req)
	if err != nil {
		return Reply{}, err
	}
	defer res.Body.Close()
	var r Reply
	err = json.NewDecoder(res.Body).Decode(&r)
	return r, err
}

// Purchase is a report that was bought.
type Purchase struct {
	ID    string `json:"id"`
	Cents int64  `json:"cents"`
}

// Market sells reports.
type Market interface {
	Buy(ctx context.Context, key, supplier string) (Purchase, error)
	Fetch(ctx context.Context, purchaseID string) (string, error)
}
