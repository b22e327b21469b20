module github.com/perdure/perdure/codec/compress

go 1.26.0

require github.com/perdure/perdure v0.0.0

require github.com/klauspost/compress v1.20.4

require github.com/leanovate/gopter v0.2.11

replace github.com/perdure/perdure => ../..
