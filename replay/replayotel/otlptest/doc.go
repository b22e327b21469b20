// Package otlptest exports a trace with the exporter of OpenTelemetry to a receiver, and draws it
// for docs/tracing.md. It is no part of the workspace, in which the exporter's modules do not build
// beside those of a linter: run it with GOWORK=off.
package otlptest
