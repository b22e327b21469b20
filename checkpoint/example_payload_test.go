package checkpoint_test

import (
	"fmt"

	"github.com/perdure/perdure/checkpoint"
)

func ExampleNewPayload() {
	p := checkpoint.NewPayload([]byte(`{"ok":true}`))
	fmt.Println(p, p.Present(), p.Size())
	// Output: {"ok":true} true 11
}

func ExampleTextPayload() {
	var none checkpoint.Payload
	empty := checkpoint.TextPayload("")
	fmt.Println(none.Present(), empty.Present(), none.Equal(empty))
	// Output: false true false
}

func ExampleQuotedPayload() {
	p := checkpoint.QuotedPayload([]byte(`"{\"ok\":true}"`))
	fmt.Printf("%s %t\n", p.Bytes(), p.Equal(checkpoint.TextPayload(`{"ok":true}`)))
	// Output: {"ok":true} true
}

func ExampleWithheldPayload() {
	p := checkpoint.WithheldPayload("the history holds 4 of its 90 kB")
	why, withheld := p.Withheld()
	fmt.Println(p.Present(), len(p.Bytes()), withheld, why)
	// Output: true 0 true the history holds 4 of its 90 kB
}
