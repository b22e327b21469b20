// Package handlers holds a durable function for each requirement, as a user would write it. It
// doubles as a reference of what code with packages op and replay reads like.
//
// [Table] lists them by the requirement's ID. The files are named after the suites.
package handlers
