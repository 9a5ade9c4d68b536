// Package client speaks to the admin server of a running node; see package api. A
// Client is safe for concurrent use. Failures come back as package errs made them,
// with the node's own words.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

// maxAnswer bounds an answer: a page of 1,000 long keys fits many times.
const maxAnswer = 64 << 20

// Client calls one node.
type Client struct {
	// At is what a command that starts the node has to say of where it is, such as
	// " --data /srv/rhizome"; "" if it finds it by itself. It is set before use.
	At string
	// Other is a folder of another node that may be meant, "" for none.
	Other string
	data  string
	lang  string
	http  *http.Client
}

// New returns a Client for the node whose data folder is data; lang is the language
// that messages are wanted in. Nothing is opened yet.
func New(data, lang string) *Client {
	c := &Client{data: data, lang: lang}
	c.http = &http.Client{Transport: &http.Transport{DialContext: c.dial}}
	return c
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func (c *Client) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	address, release, err := api.SocketAddress(c.data)
	if err != nil {
		return nil, err
	}
	defer release()
	return new(net.Dialer).DialContext(ctx, "unix", address)
}

// ErrNotRunning says that no node answers in the data folder.
var ErrNotRunning = errs.New(errs.Unavailable, "the node is not running")

// Get, Post, Put and Delete send in (nil: nothing) and decode the answer into out
// (nil: ignored). path is made with Path.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.call(ctx, http.MethodGet, path, nil, out)
}

// Post sends in with POST.
func (c *Client) Post(ctx context.Context, path string, in, out any) error {
	return c.call(ctx, http.MethodPost, path, in, out)
}

// Put sends in with PUT.
func (c *Client) Put(ctx context.Context, path string, in, out any) error {
	return c.call(ctx, http.MethodPut, path, in, out)
}

// Delete asks with DELETE.
func (c *Client) Delete(ctx context.Context, path string, out any) error {
	return c.call(ctx, http.MethodDelete, path, nil, out)
}

// Path joins escaped segments behind /v1.
func Path(segments ...string) string {
	var b strings.Builder
	b.WriteString("/v1")
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}

// Query adds a query of name, value pairs to a path.
func Query(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return path + "?" + q.Encode()
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return errs.Newf(errs.Internal, "the request cannot be written: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://rhizome"+path, body)
	if err != nil {
		return errs.Newf(errs.Internal, "the request cannot be written: %w", err)
	}
	return c.do(req, out)
}

func (c *Client) do(req *http.Request, out any) error {
	req.Header.Set("Accept-Language", c.lang)
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	answer := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode >= 400 {
		var e api.Error
		if err := answer.Decode(&e); err != nil {
			return errs.Newf(errs.Internal, "the node answered %s", resp.Status)
		}
		return errs.New(kind(e.Kind), e.Message)
	}
	if out == nil {
		return nil
	}
	if err := answer.Decode(out); err != nil {
		return errs.Newf(errs.Internal, "the node's answer cannot be read: %w", err)
	}
	return nil
}

func (c *Client) unreachable(err error) error {
	info, there := os.Stat(c.data)
	switch {
	case errors.Is(there, syscall.ENOTDIR), there == nil && !info.IsDir():
		return errs.Newf(errs.Invalid, "%s is no folder: --data names the folder in which the node keeps its data", c.data)
	case errors.Is(there, os.ErrNotExist) && c.At != "":
		return errs.Newf(errs.Unavailable, "there is no folder %s: --data names the folder in which the node keeps its data. To make a node there: rhizome up%s", c.data, c.At)
	case (errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)) && c.Other != "":
		return errs.Newf(errs.Unavailable, "%w in %s: start it with rhizome up%s. There is a node in %s too: --data %s names that one", ErrNotRunning, c.data, c.At, c.Other, c.Other)
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return errs.Newf(errs.Unavailable, "%w in %s: start it with rhizome up%s", ErrNotRunning, c.data, c.At)
	case errors.Is(err, os.ErrPermission):
		return errs.Newf(errs.Denied, "the data folder %s belongs to somebody else: run this as its owner", c.data)
	}
	return errs.Newf(errs.KindOf(err), "the node did not answer: %w", err)
}

func kind(name string) errs.Kind {
	for k := errs.Internal; k <= errs.Full; k++ {
		if k.Error() == name {
			return k
		}
	}
	return errs.Internal
}
