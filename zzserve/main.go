package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/gateway/s3"
	"rhizome/model/account"
	"rhizome/model/object/memobject"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:3999", "")
	flag.StringVar(addr, "port", *addr, "")
	flag.String("health", "", "")
	flag.Bool("quiet", false, "")
	flag.Parse()
	k := &account.Key{ID: "RZAAAAAAAAAAAAAAAAAAAAAAAA", Secret: "secretsecretsecretsecretsecretsecret", CreateBuckets: true, Member: ident.New()}
	if v := os.Getenv("ROOT_ACCESS_KEY"); v != "" {
		k.ID, k.Secret = v, os.Getenv("ROOT_SECRET_KEY")
	}
	h := s3.New(s3.Config{Objects: memobject.New(clock.System{}), Clock: clock.System{}, Domains: []string{"localhost"},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: lvl()})),
		Keys: func(_ context.Context, id string) (*account.Key, error) {
			if id == k.ID {
				return k, nil
			}
			return nil, errs.New(errs.NotFound, "no key")
		}})
	if os.Getenv("PPROF") != "" {
		go http.ListenAndServe("127.0.0.1:6060", nil)
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	s3.NewServer(h).Serve(l)
}

func lvl() slog.Level {
	if os.Getenv("QUIET") != "" {
		return slog.LevelInfo
	}
	return slog.LevelDebug
}
