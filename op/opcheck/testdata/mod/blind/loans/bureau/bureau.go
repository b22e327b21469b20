// Package bureau asks credit bureaus.
package bureau

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
)

// Limits is what a bureau lends at most.
type Limits struct {
	most   int64
	months int
}

// NewLimits returns limits.
func NewLimits(most int64, months int) Limits { return Limits{most: most, months: months} }

// Allows reports whether a loan keeps to the limits.
func (l Limits) Allows(cents int64, months int) bool { return cents <= l.most && months <= l.months }

// Report is what a bureau says of an applicant.
type Report struct {
	Limits
	Score    int      `json:"score"`
	Warnings []string `json:"warnings"`
}

// Client asks a bureau.
type Client struct {
	HTTP *http.Client
	Base string
}

// Report fetches the report of an applicant.
func (c *Client) Report(ctx context.Context, applicant string) (Report, error) {
	var raw struct {
		Score    int      `json:"score"`
		Most     int64    `json:"most"`
		Months   int      `json:"months"`
		Warnings []string `json:"warnings"`
	}
	if err := c.get(ctx, "/reports/"+url.PathEscape(applicant), &raw); err != nil {
		return Report{}, err
	}
	return Report{Limits: NewLimits(raw.Most, raw.Months), Score: raw.Score, Warnings: raw.Warnings}, nil
}

// Incomes asks for the incomes of several years at once.
func (c *Client) Incomes(ctx context.Context, applicant string, years []string) ([]int64, error) {
	out, errs := make([]int64, len(years)), make([]error, len(years))
	var wg sync.WaitGroup
	for i, y := range years {
		wg.Go(func() { errs[i] = c.get(ctx, "/incomes/"+url.PathEscape(applicant)+"/"+y, &out[i]) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Listed reports whether a list of the bureau has the applicant.
func (c *Client) Listed(ctx context.Context, list, applicant string) (bool, error) {
	var yes bool
	err := c.get(ctx, "/lists/"+list+"/"+url.PathEscape(applicant), &yes)
	return yes, err
}

func (c *Client) get(ctx context.Context, path string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Base+path, nil)
	if err != nil {
		return err
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return json.NewDecoder(res.Body).Decode(out)
}
