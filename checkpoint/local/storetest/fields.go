package storetest

import (
	"fmt"
	"reflect"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// zeroFields returns the paths of all fields of a value that are zero.
func zeroFields(v any) []string { return zeroFieldsOf("", reflect.ValueOf(v)) }

func zeroFieldsOf(path string, v reflect.Value) (zero []string) {
	switch v.Interface().(type) {
	case time.Time:
		if v.IsZero() {
			return []string{path}
		}
		return nil
	case checkpoint.Payload:
		if p, ok := reflect.TypeAssert[checkpoint.Payload](v); !ok || !p.Present() {
			return []string{path}
		}
		return nil
	}
	switch v.Kind() { //nolint:exhaustive // the kinds that records are made of
	case reflect.Pointer:
		if !v.IsNil() {
			return zeroFieldsOf(path, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			zero = append(zero, zeroFieldsOf(path+"."+v.Type().Field(i).Name, v.Field(i))...)
		}
		return zero
	case reflect.Slice:
		for i := range v.Len() {
			zero = append(zero, zeroFieldsOf(fmt.Sprintf("%s[%d]", path, i), v.Index(i))...)
		}
		if v.Len() > 0 {
			return zero
		}
	default:
		if !v.IsZero() {
			return nil
		}
	}
	return []string{path}
}
