package checkpoint

import "strings"

// KeyName is the name on the wire of something that its key alone identifies, such as an item of
// a map: the key, escaped and cut as in [WireName].
func KeyName(key string) string {
	name := WireName("", key)
	return strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
}

// ItemPath is the path of a branch of a batch: "ship[2]", "ship[SKU-1]". label is its index, key
// or name; the characters / [ ] # % in it are percent-escaped.
func ItemPath(batch, label string) string {
	return batch + "[" + string(appendPathText(nil, label)) + "]"
}
