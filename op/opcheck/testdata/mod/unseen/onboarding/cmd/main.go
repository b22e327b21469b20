// Command cmd is the function on Lambda.
package main

import (
	"example.test/shop/unseen/onboarding"
	"example.test/shop/unseen/onboarding/mail"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/replay"
)

func main() {
	s := &onboarding.Service{Mail: mail.Sender{Addr: "mail.example.test:25", From: "hello@example.test", Folder: "/opt/mails"}}
	lambda.Start(replay.Handler(s.Run))
}
