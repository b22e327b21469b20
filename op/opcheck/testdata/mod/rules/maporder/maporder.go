// Package maporder has loops over maps.
package maporder

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"

	"example.test/shop/rules/helper"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

var pack = op.DoFunc("pack", func(context.Context, string) error { return nil })

func direct(ctx op.Context, stock map[string]int) error {
	for sku := range stock { // want `maporder: the order of a map`
		if err := replay.Exec(ctx, pack(sku).Key(sku)); err != nil {
			return err
		}
	}
	for sku := range maps.Keys(stock) { // want `maporder: the order of a map`
		if err := replay.Exec(ctx, pack(sku).Key(sku+"2")); err != nil {
			return err
		}
	}
	for _, sku := range slices.Sorted(maps.Keys(stock)) {
		if err := replay.Exec(ctx, pack(sku).Key(sku+"3")); err != nil {
			return err
		}
	}
	for sku := range stock { //perdure:allow maporder there is one at most
		if err := replay.Exec(ctx, pack(sku).Key(sku+"4")); err != nil {
			return err
		}
	}
	return nil
}

func collected(ctx op.Context, stock map[string]int) error {
	var skus []string
	for sku := range stock {
		skus = append(skus, sku)
	}
	_, err := replay.Run(ctx, op.Map("pack-all", skus, pack)) // want `maporder: the order of a map`
	return err
}

func sortedFirst(ctx op.Context, stock map[string]int) error {
	var skus []string
	for sku := range stock {
		skus = append(skus, sku)
	}
	sort.Strings(skus)
	_, err := replay.Run(ctx, op.Map("pack-all", skus, pack))
	return err
}

func throughHelper(ctx op.Context, stock map[string]int) error {
	for _, sku := range helper.Keys(stock) { // want `maporder: the order of a map`
		if err := replay.Exec(ctx, pack(sku).Key(sku)); err != nil {
			return err
		}
	}
	for _, sku := range helper.SortedKeys(stock) {
		if err := replay.Exec(ctx, pack(sku).Key(sku+"2")); err != nil {
			return err
		}
	}
	return nil
}

func asInput(ctx op.Context, stock map[string]int) error {
	list := ""
	for sku := range stock {
		list += sku + ","
	}
	return replay.Exec(ctx, pack(list)) // want `maporder: the order of a map`
}

func encoded(ctx op.Context, stock map[string]int) error {
	text, err := json.Marshal(slices.Collect(maps.Keys(stock)))
	if err != nil {
		return err
	}
	return replay.Exec(ctx, pack(string(text))) // want `maporder: the order of a map`
}

func syncMap(ctx op.Context, stock *sync.Map) (err error) {
	stock.Range(func(sku, _ any) bool { // want `maporder: the order of a map`
		err = replay.Exec(ctx, pack("x").Key(fmt.Sprint(sku)))
		return err == nil
	})
	n := 0
	stock.Range(func(_, _ any) bool { n++; return true })
	return err
}

func operands(ctx op.Context, stock map[string]int) error {
	var ops []op.Op[op.None]
	for sku := range stock {
		ops = append(ops, pack(sku).Key(sku))
	}
	_, err := replay.Run(ctx, op.All("all", ops...)) // want `maporder: the order of a map`
	return err
}

func counted(ctx op.Context, stock map[string]int) error {
	total := 0
	names := map[string]bool{}
	for sku, n := range stock {
		total += n
		names[strings.ToUpper(sku)] = true
	}
	if total == 0 {
		return nil
	}
	return replay.Exec(ctx, pack("all"))
}
