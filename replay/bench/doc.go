// Package bench measures what users of the interpreter wait for and pay for, and compares it with
// goals.
//
//  1. A [Row] is one kind of work. Its yardstick (a plain decoder, plain calls of the same client,
//     plain goroutines) is measured in the same process and run, in turns with the work, so that a
//     busy machine slows both.
//  2. A [Metric] with a goal is a count or a ratio to the yardstick. Times are there to be read.
//  3. The benchmarks run each row, and the program in report prints the rows, their spread, and
//     whether each goal held.
package bench
