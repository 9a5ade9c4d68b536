package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"
)

// Target says where a store is and who speaks to it.
type Target struct {
	Address string // host:port
	Region  string // empty: us-east-1
	Key     Key    // zero: requests are not signed
}

// Request is one request. Path and Query are escaped already (Escape, EscapeQuery).
type Request struct {
	Method, Path, Query string
	Headers             []Header
	Body                []byte
	PayloadHash         string // hexadecimal SHA-256 of Body, or empty: unsigned
	// Sink, if set, gets the body of a 2xx answer instead of Response.Body.
	Sink io.Writer
}

// Response is one answer, read whole.
type Response struct {
	Status  int
	Headers []Header // names in lower case
	Body    []byte
	Length  int64 // bytes of body that arrived
	FirstAt time.Time
}

// Header returns the first value of a header field, given in lower case.
func (r *Response) Header(name string) string {
	for _, h := range r.Headers {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// Code returns the code of an S3 error document, or "".
func (r *Response) Code() string {
	_, after, ok := strings.Cut(string(r.Body), "<Code>")
	if !ok {
		return ""
	}
	code, _, _ := strings.Cut(after, "</Code>")
	return code
}

// Err returns nil for a 2xx answer, else an error that says what the server said.
func (r *Response) Err() error {
	if r.Status/100 == 2 {
		return nil
	}
	return fmt.Errorf("status %d %s: %.300s", r.Status, r.Code(), r.Body)
}

// Conn is one connection to a store.
type Conn struct {
	net.Conn
	target  Target
	sign    *signer
	r       *bufio.Reader
	head    []byte
	scratch []byte
}

// Dial opens a connection.
func Dial(t Target) (*Conn, error) {
	nc, err := net.DialTimeout("tcp", t.Address, 10*time.Second)
	if err != nil {
		return nil, err
	}
	if t.Region == "" {
		t.Region = "us-east-1"
	}
	c := &Conn{Conn: nc, target: t, r: bufio.NewReaderSize(nc, 32<<10)}
	if t.Key.ID != "" {
		c.sign = &signer{key: t.Key, region: t.Region}
	}
	return c, nil
}

// Timeout bounds one request from its first byte to the last of its answer.
const Timeout = 2 * time.Minute

// Do sends a request and reads its answer. An error means that no whole answer came:
// what the server did is unknown, and the connection is of no more use.
func (c *Conn) Do(r *Request) (*Response, error) {
	now := time.Now()
	if err := c.SetDeadline(now.Add(Timeout)); err != nil {
		return nil, err
	}
	c.head = c.Head(c.head[:0], r, now)
	bufs := net.Buffers{c.head}
	if len(r.Body) > 0 {
		bufs = append(bufs, r.Body)
	}
	if _, err := bufs.WriteTo(c.Conn); err != nil {
		// A server that refuses early answers before it closes.
		if resp, e := c.read(r); e == nil {
			return resp, nil
		}
		return nil, err
	}
	return c.read(r)
}

// Head appends the head of a request, signed as of now, to dst.
func (c *Conn) Head(dst []byte, r *Request, now time.Time) []byte {
	dst = append(dst, r.Method...)
	dst = append(dst, ' ')
	dst = append(dst, r.Path...)
	if r.Query != "" {
		dst = append(dst, '?')
		dst = append(dst, r.Query...)
	}
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, c.target.Address...)
	dst = append(dst, "\r\n"...)
	if len(r.Body) > 0 || r.Method == "PUT" || r.Method == "POST" {
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(r.Body)), 10)
		dst = append(dst, "\r\n"...)
	}
	for _, h := range r.Headers {
		dst = append(dst, h.Name+": "+h.Value+"\r\n"...)
	}
	if c.sign != nil {
		dst = c.sign.sign(dst, r, c.target.Address, now)
	}
	return append(dst, "\r\n"...)
}

// read reads one answer, passing over interim ones.
func (c *Conn) read(r *Request) (*Response, error) {
	for {
		resp, err := c.readHead()
		if err != nil {
			return nil, err
		}
		if resp.Status/100 == 1 {
			continue
		}
		return resp, c.readBody(r, resp)
	}
}

func (c *Conn) readHead() (*Response, error) {
	line, err := c.line()
	if err != nil {
		return nil, err
	}
	if len(line) < 12 || line[:7] != "HTTP/1." {
		return nil, fmt.Errorf("not an HTTP answer: %.60q", line)
	}
	resp := &Response{FirstAt: time.Now()}
	if resp.Status, err = strconv.Atoi(line[9:12]); err != nil {
		return nil, fmt.Errorf("not an HTTP status: %.60q", line)
	}
	resp.Headers = make([]Header, 0, 16)
	for {
		if line, err = c.line(); err != nil || line == "" {
			return resp, err
		}
		name, value, _ := strings.Cut(line, ":")
		resp.Headers = append(resp.Headers, Header{strings.ToLower(name), strings.TrimSpace(value)})
	}
}

func (c *Conn) line() (string, error) {
	b, err := c.r.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

func (c *Conn) readBody(r *Request, resp *Response) error {
	if r.Method == "HEAD" || resp.Status == 204 || resp.Status == 304 {
		return nil
	}
	var body io.Reader
	length := int64(-1)
	switch {
	case resp.Header("transfer-encoding") == "chunked":
		body = httputil.NewChunkedReader(c.r)
	case resp.Header("content-length") != "":
		n, err := strconv.ParseInt(resp.Header("content-length"), 10, 64)
		if err != nil {
			return err
		}
		body, length = io.LimitReader(c.r, n), n
	default:
		body = c.r
	}
	err := c.deliver(r, resp, body)
	if err == nil && length >= 0 && resp.Length != length {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && resp.Header("transfer-encoding") == "chunked" {
		err = c.endOfChunks()
	}
	return err
}

func (c *Conn) deliver(r *Request, resp *Response, body io.Reader) error {
	if r.Sink == nil || resp.Status/100 != 2 {
		b, err := io.ReadAll(body)
		resp.Body, resp.Length = b, int64(len(b))
		return err
	}
	if c.scratch == nil {
		c.scratch = make([]byte, 256<<10)
	}
	// Hide WriterTo and ReaderFrom, so that the scratch buffer is really used.
	n, err := io.CopyBuffer(struct{ io.Writer }{r.Sink}, struct{ io.Reader }{body}, c.scratch)
	resp.Length = n
	return err
}

// endOfChunks reads the trailer behind a chunked body.
func (c *Conn) endOfChunks() error {
	for {
		line, err := c.line()
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil || line == "" {
			return err
		}
	}
}
