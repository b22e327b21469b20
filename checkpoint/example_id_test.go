package checkpoint_test

import (
	"fmt"

	"github.com/perdure/perdure/checkpoint"
)

func ExampleID() {
	fmt.Println(checkpoint.ID("", "reserve-stock", "", 0))
	fmt.Println(checkpoint.ID("", "notify", "customer", 0))
	fmt.Println(checkpoint.ID("", "Charge card (EUR)", "", 0))
	// Output:
	// reserve-stock-0748d7a5326c-854f6517190c4c9e
	// notify-0748d7a5326c-322d7a8cb0323229
	// Charge-card-EUR-0748d7a5326c-b867ad8faa6150ea
}

func ExampleNewScope() {
	root := checkpoint.NewScope("")
	ship := checkpoint.NewScope(checkpoint.ID("", "ship", "", 0))
	fmt.Println(root.Tag(), ship.Tag())
	fmt.Println(ship.ID())
	// Output:
	// 0748d7a5326c a0886588eb33
	// ship-0748d7a5326c-ba2bca9eb16f028a
}

func ExampleScope_AppendID() {
	scope := checkpoint.NewScope("")
	var buf [64]byte
	for occurrence := range 2 {
		fmt.Printf("%s\n", scope.AppendID(buf[:0], "poll", "", occurrence))
	}
	// Output:
	// poll-0748d7a5326c-015f36409a913a34
	// poll-0748d7a5326c-3621a9a103348222
}

func ExampleScopeTag() {
	fmt.Println(checkpoint.ScopeTag("reserve-stock-0748d7a5326c-854f6517190c4c9e"))
	fmt.Println(checkpoint.ScopeTag("c4ca4238a0b92382")) // of another SDK
	// Output:
	// 0748d7a5326c true
	//  false
}

func ExampleUndoScope() {
	undo := checkpoint.NewScope(checkpoint.UndoScope(""))
	fmt.Printf("%s\n", undo.AppendID(nil, "reserve-stock-undo", "", 0))
	// Output: reserve-stock-undo-d2e342544115-a14f03cd11d8e381
}

func ExampleWireName() {
	fmt.Println(checkpoint.WireName("charge-card", ""))
	fmt.Println(checkpoint.WireName("notify", "customer"))
	fmt.Println(checkpoint.WireName("pack-item", "Größe [L]"))
	// Output:
	// charge-card
	// notify[customer]
	// pack-item[Gr%C3%B6%C3%9Fe %5BL%5D]
}

func ExamplePath() {
	item := checkpoint.Path("", "ship", "2", 0)
	fmt.Println(checkpoint.Path(item, "pack-item", "", 0))
	fmt.Println(checkpoint.Path("", "poll", "", 2))
	fmt.Println(checkpoint.Path("", "notify", "a/b", 0))
	// Output:
	// ship[2]/pack-item
	// poll#3
	// notify[a%2Fb]
}

func ExampleItemPath() {
	fmt.Println(checkpoint.ItemPath("ship", "2"))
	fmt.Println(checkpoint.ItemPath("ship", "SKU/1"))
	// Output:
	// ship[2]
	// ship[SKU%2F1]
}

func ExampleKeyName() {
	fmt.Println(checkpoint.KeyName("SKU-1"))
	fmt.Println(checkpoint.KeyName("Größe"))
	// Output:
	// SKU-1
	// Gr%C3%B6%C3%9Fe
}
