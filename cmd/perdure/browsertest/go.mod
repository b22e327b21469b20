module github.com/perdure/perdure/cmd/perdure/browsertest

go 1.26.0

require (
	github.com/aws/aws-lambda-go v1.55.1
	github.com/chromedp/cdproto v0.160.1
	github.com/chromedp/chromedp v0.23.1
	github.com/perdure/perdure v0.0.0
	github.com/perdure/perdure/cmd/perdure v0.0.0
)

require (
	github.com/aws/aws-sdk-go-v2 v1.47.7 // indirect
	github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream v1.7.26 // indirect
	github.com/aws/aws-sdk-go-v2/internal/configsources v1.5.10 // indirect
	github.com/aws/aws-sdk-go-v2/internal/endpoints/v2 v2.8.10 // indirect
	github.com/aws/aws-sdk-go-v2/service/lambda v1.114.2 // indirect
	github.com/aws/smithy-go v1.28.8 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/samber/lo v1.53.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace (
	github.com/perdure/perdure => ../../..
	github.com/perdure/perdure/checkpoint/sqlite => ../../../checkpoint/sqlite
	github.com/perdure/perdure/cmd/perdure => ..
	github.com/perdure/perdure/codec/awskms => ../../../codec/awskms
	github.com/perdure/perdure/codec/compress => ../../../codec/compress
	github.com/perdure/perdure/codec/s3store => ../../../codec/s3store
	github.com/perdure/perdure/op/opcheck => ../../../op/opcheck
)
