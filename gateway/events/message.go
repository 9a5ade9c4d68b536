package events

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"rhizome/model/object"
)

// message is the body of a POST, as S3 has it.
type message struct {
	Records []record `json:"Records"`
}

type record struct {
	EventVersion string            `json:"eventVersion"`
	EventSource  string            `json:"eventSource"`
	AWSRegion    string            `json:"awsRegion"`
	EventTime    string            `json:"eventTime"`
	EventName    string            `json:"eventName"`
	User         principal         `json:"userIdentity"`
	Request      map[string]string `json:"requestParameters"`
	Response     map[string]string `json:"responseElements"`
	S3           about             `json:"s3"`
	// Lost is of how many events nothing else is known.
	Lost int64 `json:"lostEvents,omitempty"`
}

type principal struct {
	ID string `json:"principalId"`
}

type about struct {
	Schema string      `json:"s3SchemaVersion"`
	Rule   string      `json:"configurationId"`
	Bucket aboutBucket `json:"bucket"`
	Object aboutObject `json:"object"`
}

type aboutBucket struct {
	Name  string    `json:"name"`
	Owner principal `json:"ownerIdentity"`
	ARN   string    `json:"arn"`
}

type aboutObject struct {
	Key       string `json:"key"`
	Size      *int64 `json:"size,omitempty"`
	ETag      string `json:"eTag,omitempty"`
	Version   string `json:"versionId,omitempty"`
	Sequencer string `json:"sequencer"`
}

const (
	timeFormat = "2006-01-02T15:04:05.000Z"
	anybody    = "Anonymous"
	lostName   = "EventsLost"
)

// body writes what a webhook is told of an event.
func (d *Deliverer) body(ev *object.Event) []byte {
	who := ev.By.Key
	if who == "" {
		who = anybody
	}
	r := record{
		EventVersion: "2.1", EventSource: "aws:s3", AWSRegion: d.Region, EventTime: ev.Time.Format(timeFormat),
		EventName: ev.Kind.String(), User: principal{who}, Request: map[string]string{"sourceIPAddress": ev.By.Address},
		Response: map[string]string{"x-amz-request-id": ev.By.Request, "x-amz-id-2": "rhizome"},
		S3: about{Schema: "1.0", Rule: ev.Rule,
			Bucket: aboutBucket{ev.Bucket, principal{ev.BucketID.String()}, "arn:aws:s3:::" + ev.Bucket},
			Object: aboutObject{Key: url.QueryEscape(ev.Key), ETag: ev.ETag, Version: ev.Version, Sequencer: fmt.Sprintf("%016X", ev.Order)}},
	}
	if ev.Kind.Sized() {
		r.S3.Object.Size = &ev.Size
	}
	if ev.Lost > 0 {
		r.EventName, r.Lost = lostName, ev.Lost
	}
	raw, err := json.Marshal(message{[]record{r}})
	if err != nil {
		panic(err) // texts and numbers alone
	}
	return raw
}

// Signature signs a body that is sent at a time; see the package's comment.
func Signature(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	m := hmac.New(sha256.New, []byte(secret))
	_, _ = m.Write([]byte(t + "."))
	_, _ = m.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(m.Sum(nil))
}
