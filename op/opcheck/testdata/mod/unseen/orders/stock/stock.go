// Package stock talks to the warehouse.
package stock

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// ErrOutOfStock says that the warehouse has too little of an article.
var ErrOutOfStock = errors.New("out of stock")

// Client is a client of the warehouse.
type Client struct {
	Base string
	HTTP *http.Client
}

// Reservation is a reservation of an article.
type Reservation struct {
	ID  string `json:"id"`
	SKU string `json:"sku"`
}

// Reserve reserves pieces of an article.
func (c *Client) Reserve(ctx context.Context, sku string, count int) (Reservation, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("%s/reserve/%s/%d", c.Base, sku, count), nil)
	if err != nil {
		return Reservation{}, err
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return Reservation{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusConflict {
		return Reservation{}, ErrOutOfStock
	}
	return Reservation{ID: resp.Header.Get("Reservation"), SKU: sku}, nil
}

// Release gives a reservation back.
func (c *Client) Release(ctx context.Context, r Reservation) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, c.Base+"/reserve/"+r.ID, nil)
	if err != nil {
		return err
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Open reports whether the warehouse works today.
func (c *Client) Open() bool {
	resp, err := c.HTTP.Get(c.Base + "/open")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
