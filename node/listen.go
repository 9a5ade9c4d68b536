package node

import (
	"crypto/tls"
	"net"
	"os"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
	"rhizome/net/gather"
)

// listenS3 opens the S3 address, over TLS if there is a certificate.
func listenS3(c Config) (net.Listener, error) {
	var certs *certificate
	if c.TLSCert != "" {
		certs = &certificate{cert: c.TLSCert, key: c.TLSKey, warn: func(err error) {
			c.Logger.Warn("the certificate changed but cannot be used; the old one stays", "error", err)
		}}
		if _, err := certs.get(nil); err != nil {
			return nil, err
		}
	}
	ln, err := net.Listen("tcp", c.S3)
	if err != nil {
		return nil, errs.Newf(errs.Invalid, "S3 cannot listen on %s: %w; choose another address with --s3", c.S3, err)
	}
	if certs == nil {
		return gather.Listener(ln), nil
	}
	return tls.NewListener(ln, &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: certs.get,
	}), nil
}

// certificate is a pair of files that is read again when one of them changes.
type certificate struct {
	cert, key string
	warn      func(error)

	mu   sync.Mutex
	have *tls.Certificate
	seen [2]time.Time // when the files changed last
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := [2]time.Time{changed(c.cert), changed(c.key)}
	if c.have != nil && now == c.seen {
		return c.have, nil
	}
	fresh, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		if c.have == nil {
			return nil, errs.Newf(errs.Invalid, "the certificate for S3 cannot be used: %w", err)
		}
		if now != c.seen {
			c.seen = now // told once
			c.warn(err)
		}
		return c.have, nil
	}
	c.have, c.seen = &fresh, now
	return c.have, nil
}

func changed(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// endpoint says where S3 is, with a URL that works from this computer and, when S3
// listens on every interface, from the local network.
func endpoint(c Config, ln net.Listener) api.Endpoint {
	addr := ln.Addr().String()
	scheme := "http"
	if c.TLSCert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(addr)
	reach := addr
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		reach = net.JoinHostPort(ownAddress(), port)
	}
	if c.TLSCert != "" && len(c.Domains) > 0 {
		reach = net.JoinHostPort(c.Domains[0], port) // the name that the certificate is for
	}
	return api.Endpoint{Address: addr, URL: scheme + "://" + reach, Domains: c.Domains, Region: c.region(), TLS: c.TLSCert != ""}
}

// ownAddress is this computer's address in its network, the loopback if it has none.
func ownAddress() string {
	addrs, err := net.InterfaceAddrs()
	if err == nil {
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
				return n.IP.String()
			}
		}
	}
	return "127.0.0.1"
}
