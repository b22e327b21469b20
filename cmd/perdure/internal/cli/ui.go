package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/sqlite"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

func (a *app) ui() *cobra.Command {
	var listen, store string
	var open openFlags
	cmd := &cobra.Command{
		Use:   "ui",
		Short: "Serve a page that shows executions: those of a store file, of perdure dev, or on AWS",
		Long: `Serves a page that shows executions as a list, and each as a tree and as a timeline. It shows those
of a store file with --store, those on AWS with --aws, and otherwise those of perdure dev, which also
serves the page by itself. A store file is opened for reading, and nothing can be done to its executions;
through the API callbacks can be answered, and executions paused, resumed, stopped and started.

The page is for this machine alone, and the address that the command prints has a key: without it nothing
is shown, and nothing can be done. With --keyring and --objects the page has a button that opens the payloads of
an operation, or of an execution; until it is pressed they are shown as they are recorded.`,
		Example: `  perdure ui --store .perdure/executions.db
  perdure ui --region eu-west-1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if store != "" && (a.endpoint != "" || a.onAWS()) {
				return usage("--store is a file, and --endpoint, --aws, --region and --profile are for an API; give one of them")
			}
			return a.runUI(cmd.Context(), listen, store, open)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9091", "address of loopback to serve at; port 0 stands for any that is free")
	cmd.Flags().StringVar(&store, "store", "", "show the executions in this file of perdure dev")
	a.addOpenFlags(cmd, &open)
	return cmd
}

func (a *app) runUI(ctx context.Context, listen, store string, open openFlags) (err error) {
	host, _, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usage("--listen is an address of loopback such as 127.0.0.1:9091, not %q: the page shows payloads, and acts with your rights", listen)
	}
	o := page.Options{Now: a.Now, Key: page.NewKey()}
	if o.Open, err = a.pageOpener(ctx, open); err != nil {
		return err
	}
	if store != "" {
		file, opened := sqlite.Open(store, sqlite.WithReadOnly())
		if opened != nil {
			return opened
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		kept := readBuilds(store + "-builds.json")
		o.Source, o.Place = page.FromStore(file), store
		o.Hint = func(string) string {
			return "a file of executions has none; perdure dev has printed them in its terminal"
		}
		o.Build = func(function string, at time.Time) string { return kept.build(function, at).text() }
	} else if err := a.showAPI(ctx, &o); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("serve at %s: %w; give another address with --listen", listen, err)
	}
	p := page.New(o)
	server := &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(listener) }()
	defer func() { _ = server.Close() }() // pages that are open see that it is gone
	fmt.Fprintln(a.Out, p.URL("http://"+listener.Addr().String()))
	a.say("showing %s; Ctrl-C ends it", o.Place)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-serving:
		return fmt.Errorf("serve at %s: %w", listen, err)
	}
}

// pageOpener returns what the page opens payloads with, nil without flags.
func (a *app) pageOpener(ctx context.Context, f openFlags) (page.Opener, error) {
	all, err := a.openers(ctx, f)
	if all == nil || err != nil {
		return nil, err
	}
	return func(ctx context.Context, arn string, events []local.Event, operation string) (closed []string) {
		o := all.of(arn)
		o.note = func(format string, args ...any) { closed = append(closed, fmt.Sprintf(format, args...)) }
		o.openOnly(ctx, events, func(id string) bool { return id == operation })
		return closed
	}, nil
}

// showAPI has the page show what the API has, which must answer.
func (a *app) showAPI(ctx context.Context, o *page.Options) error {
	if _, err := a.functions(ctx); err != nil {
		return err
	}
	o.Source, o.Actions, o.Hint, o.Today = library{a}, a.actions(), a.hint, a.todayOfDev
	o.Place = "the service at " + a.serviceURL()
	if a.onAWS() {
		cfg, err := a.awsConfig(ctx)
		if err != nil {
			return err
		}
		o.Place, o.Every = "AWS "+cfg.Region, awsEvery
	}
	return nil
}
