module github.com/perdure/perdure/codec/compress

go 1.26.0

require github.com/perdure/perdure v0.0.0

require github.com/klauspost/compress v1.20.4

require github.com/leanovate/gopter v0.2.11

require (
	github.com/aws/aws-lambda-go v1.55.1 // indirect
	github.com/aws/aws-sdk-go-v2 v1.47.7 // indirect
	github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream v1.7.26 // indirect
	github.com/aws/aws-sdk-go-v2/internal/configsources v1.5.10 // indirect
	github.com/aws/aws-sdk-go-v2/internal/endpoints/v2 v2.8.10 // indirect
	github.com/aws/aws-sdk-go-v2/service/lambda v1.114.2 // indirect
	github.com/aws/smithy-go v1.28.8 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/samber/lo v1.53.0 // indirect
	golang.org/x/text v0.22.0 // indirect
)

replace github.com/perdure/perdure => ../..
