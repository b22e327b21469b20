package view

// Today is an operation of a log that the code of today has under another name, or has no more: an
// execution ends it as the code was before.
type Today struct {
	ID string `json:"id"`
	// Now is the name that it has in the code, empty if it was removed.
	Now string `json:"now,omitempty"`
}

// SetToday takes in which operations the code of today has under other names, or has no more.
func (h *History) SetToday(all []Today) {
	for _, o := range h.All {
		o.Now, o.Removed = "", false
	}
	for _, t := range all {
		if o := h.byID[t.ID]; o != nil {
			o.Now, o.Removed = t.Now, t.Now == ""
		}
	}
}

// Changed reports whether the code of today has the operation under another name, or no more.
func (o *Operation) Changed() bool { return o.Now != "" || o.Removed }

// Label returns the name of the operation, or its ID if it has none, and what the code of today has
// instead: charge-card (now pay).
func (o *Operation) Label() string {
	name := o.name()
	switch {
	case o.Removed:
		return name + " (removed)"
	case o.Now != "":
		return name + " (now " + o.Now + ")"
	}
	return name
}

// name returns the name of the operation, or its ID if it has none.
func (o *Operation) name() string {
	if o.Name != "" {
		return o.Name
	}
	return o.ID
}
