// Package view is what people are shown of an execution: its operations as a tree, what each of
// them did when, what the execution waits for in words, and its invocations. It is computed from
// the events of a history alone, whichever SDK has made them, and asks no service and no clock. The
// terminal and the page show the same of it.
package view
