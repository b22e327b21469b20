package main

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

//go:embed orders/*.json
var orders embed.FS

// defaultOrder is the shipped order that runs if none is named.
const defaultOrder = "tea"

// Cents is an amount of money.
type Cents int64

// String prints the amount in units of the currency.
func (c Cents) String() string { return fmt.Sprintf("%d.%02d", c/100, c%100) }

// Order is what a customer has ordered.
type Order struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Card     string `json:"card"`
	Currency string `json:"currency"`
	Items    []Item `json:"items"`
}

// Item is one line of an order. Price is that of one piece.
type Item struct {
	SKU      string `json:"sku"`
	Name     string `json:"name"`
	Quantity int    `json:"quantity"`
	Price    Cents  `json:"price"`
}

// Amount is the price of all pieces.
func (i Item) Amount() Cents { return i.Price * Cents(i.Quantity) }

// Total is the price of all items.
func (o Order) Total() (sum Cents) {
	for _, i := range o.Items {
		sum += i.Amount()
	}
	return sum
}

func (o Order) has(f func(Item) bool) bool { return slices.ContainsFunc(o.Items, f) }

// shipped returns the names of the orders that come with the program.
func shipped() []string {
	entries, err := orders.ReadDir("orders")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	return names
}

// readOrder reads the order that the arguments name.
func readOrder(args []string, stdin io.Reader) (Order, error) {
	name := defaultOrder
	switch {
	case len(args) > 1:
		return Order{}, fmt.Errorf("%d arguments: name one order (flags come first)", len(args))
	case len(args) == 1:
		name = args[0]
	}
	text, err := readText(name, stdin)
	if err != nil {
		return Order{}, err
	}
	o, err := parseOrder(text)
	if err != nil {
		return Order{}, fmt.Errorf("%s: %w", name, err)
	}
	return o, nil
}

func readText(name string, stdin io.Reader) ([]byte, error) {
	switch {
	case name == "-":
		return io.ReadAll(stdin)
	case slices.Contains(shipped(), name):
		return orders.ReadFile(path.Join("orders", name+".json"))
	}
	text, err := os.ReadFile(name) //nolint:gosec // the file that the user names
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w; the shipped orders are %s", err, strings.Join(shipped(), ", "))
	}
	return text, err
}

// parseOrder decodes an order and says what is wrong with it.
func parseOrder(text []byte) (Order, error) {
	var o Order
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	err := d.Decode(&o)
	switch {
	case errors.Is(err, io.EOF):
		return Order{}, errors.New("no order: the input is empty")
	case err != nil:
		return Order{}, fmt.Errorf("not an order: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Order{}, fmt.Errorf("not one order: there is more after byte %d", d.InputOffset())
	}
	return o, o.check()
}

// check says what is wrong with an order.
func (o Order) check() error {
	switch {
	case !isName(o.ID):
		return fmt.Errorf("the id is %q: want 1 to 64 letters, digits and hyphens; it names the execution", o.ID)
	case o.Customer == "":
		return errors.New("the order has no customer")
	case len(o.Currency) != len("EUR"):
		return fmt.Errorf("the currency is %q: want three letters", o.Currency)
	case len(strings.ReplaceAll(o.Card, " ", "")) != 16 || strings.Trim(o.Card, "0123456789 ") != "":
		return errors.New("the card does not have 16 digits")
	case len(o.Items) == 0:
		return errors.New("the order has no items")
	}
	seen := make(map[string]bool)
	for n, i := range o.Items {
		switch {
		case i.SKU == "" || i.Name == "":
			return fmt.Errorf("item %d has no sku or no name", n+1)
		case i.Quantity < 1:
			return fmt.Errorf("item %s: the quantity is %d", i.SKU, i.Quantity)
		case i.Price < 0:
			return fmt.Errorf("item %s: the price is %d cents", i.SKU, i.Price)
		case seen[i.SKU]:
			return fmt.Errorf("item %s is there twice: make it one line with the sum of the quantities", i.SKU)
		}
		seen[i.SKU] = true
	}
	return nil
}

func isName(s string) bool {
	const most = 64
	return s != "" && len(s) <= most && strings.Trim(s, "-") != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}

// checkOperation refuses a name that no operation of the order has.
func checkOperation(name string, o Order) error {
	if slices.Contains(operations(o), name) {
		return nil
	}
	return fmt.Errorf("-kill-after %s: order %s has no such operation; it has %s", name, o.ID, strings.Join(operations(o), ", "))
}
