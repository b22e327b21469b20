package local_test

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

func ExampleService_Pause() {
	ctx := context.Background()
	s := local.New(local.WithClock(local.NewVirtualClock(start)))
	defer s.Close()
	answer := local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return []byte(`{"Status":"SUCCEEDED"}`), nil })
	if err := s.Host("order", answer); err != nil {
		panic(err)
	}
	e, err := s.Start(ctx, "order", "A-1", nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(s.Pause(ctx, checkpoint.PauseInput{ARN: e.ARN(), Reason: "bad deploy"}))
	fmt.Println(e.RunUntilSuspended(ctx), e.Status(), e.Invocations())
	fmt.Println(s.Resume(ctx, checkpoint.ResumeInput{ARN: e.ARN()}))
	fmt.Println(e.RunUntilSuspended(ctx), e.Status(), e.Invocations())
	_, err = s.Delete(ctx, checkpoint.DeleteInput{ARN: e.ARN()})
	fmt.Println(err)
	// Output:
	// <nil>
	// <nil> PAUSED 0
	// <nil>
	// <nil> SUCCEEDED 1
	// <nil>
}
