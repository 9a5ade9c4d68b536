package wire

// Client keeps one connection to a store and opens another when the store closed it or
// an answer did not come whole. Like a Conn it belongs to one goroutine, and it repeats
// nothing.
type Client struct {
	Target Target
	conn   *Conn
}

// Do sends one request and reads its answer.
func (c *Client) Do(r *Request) (*Response, error) {
	if c.conn == nil {
		conn, err := Dial(c.Target)
		if err != nil {
			return nil, err
		}
		c.conn = conn
	}
	resp, err := c.conn.Do(r)
	if err != nil || resp.Header("connection") == "close" {
		c.Close()
	}
	return resp, err
}

// Must is Do for requests that must be answered with 2xx: any other answer is an error.
func (c *Client) Must(r *Request) (*Response, error) {
	resp, err := c.Do(r)
	if err == nil {
		err = resp.Err()
	}
	return resp, err
}

// Close closes the connection; the next request opens another.
func (c *Client) Close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}
