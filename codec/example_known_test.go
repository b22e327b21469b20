package codec_test

import (
	"errors"
	"fmt"

	"github.com/perdure/perdure/codec"
)

var errDeclined = errors.New("card declined")

type stockError struct {
	SKU  string
	Left int
}

func (e *stockError) Error() string { return fmt.Sprintf("only %d of %s left", e.Left, e.SKU) }

func ExampleSentinel() {
	declined := codec.Sentinel("declined", errDeclined)

	data, ok := declined.Match(fmt.Errorf("charge: %w", errDeclined))
	fmt.Printf("%s %q %t\n", declined.Name(), data, ok)
	fmt.Println(errors.Is(declined.Restore(data), errDeclined))
	// Output:
	// declined "" true
	// true
}

func ExampleErrorType() {
	stock := codec.ErrorType[*stockError]("stock")

	data, ok := stock.Match(fmt.Errorf("reserve: %w", &stockError{SKU: "A-1", Left: 2}))
	fmt.Println(data, ok)

	restored, _ := errors.AsType[*stockError](stock.Restore(data))
	fmt.Println(restored.Left, restored)
	// Output:
	// {"SKU":"A-1","Left":2} true
	// 2 only 2 of A-1 left
}

func ExampleKnownError_Err() {
	fmt.Println(codec.Sentinel("", errDeclined).Err())
	fmt.Println(codec.ErrorType[error]("any").Err())
	// Output:
	// codec: name "" of a known error: use 1 to 256 printable ASCII characters
	// codec: ErrorType "any": error is an interface: name a type that implements it
}

func ExampleValidateKnown() {
	declined, expired := codec.Sentinel("card", errDeclined), codec.Sentinel("card", errors.New("card expired"))

	fmt.Println(codec.ValidateKnown(declined, declined))
	fmt.Println(codec.ValidateKnown(declined, expired))
	// Output:
	// <nil>
	// codec: the name "card" is registered for two errors: a recorded failure would be restored as the first; give one of them another name
}
