package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// The events.
const (
	OnPublish     = "on_publish"
	OnPublishDone = "on_publish_done"
	OnPlay        = "on_play"
)

// How a publisher was admitted: values of Message.By.
const (
	ByKey         = "key"         // a key of the catalog
	ByToken       = "token"       // a JWT
	ByCertificate = "certificate" // a client certificate that opens the stream without a key
	ByNone        = "none"        // none of these: it's for the application to say
)

// Message is the body of a request. What doesn't apply is left out.
type Message struct {
	Event       string              `json:"event"`
	ID          string              `json:"id"`                    // of this message; the same when it's sent again
	Time        time.Time           `json:"time"`                  // of the event
	Publication string              `json:"publication,omitempty"` // the same in on_publish and its on_publish_done
	By          string              `json:"by,omitempty"`          // key, token, certificate or none
	Stream      string              `json:"stream,omitempty"`      // the public name, where it's known
	Key         string              `json:"key,omitempty"`         // what the encoder gave; only where By is none
	KeyID       string              `json:"key_id,omitempty"`      // which of the stream's keys
	Purpose     string              `json:"purpose,omitempty"`     // primary or backup
	Subject     string              `json:"subject,omitempty"`     // a token's
	Client      string              `json:"client,omitempty"`      // the first name in the verified client certificate
	Query       map[string][]string `json:"query,omitempty"`       // parameters of URL and key, without token and key
	Address     string              `json:"address"`               // the publisher's or viewer's, without port
	TLS         bool                `json:"tls"`                   //
	Encoder     string              `json:"encoder,omitempty"`     // as it calls itself
	Player      string              `json:"player,omitempty"`      // on_play: the viewer's User-Agent
	Seconds     float64             `json:"seconds,omitempty"`     // on_publish_done: for how long it published
	Reason      string              `json:"reason,omitempty"`      // on_publish_done: why it ended, if the publisher didn't end it
}

// Answer is what an application says to a question that it answers by yes.
type Answer struct {
	Stream string // the stream's name; empty leaves it as it is
}

// Denied is an application's no.
type Denied struct{ Reason string }

// Error implements error.
func (d *Denied) Error() string {
	if d.Reason == "" {
		return "denied"
	}
	return "denied: " + d.Reason
}

// ErrFailed says that there was no answer that could be understood.
var ErrFailed = errors.New("no valid answer")

const (
	maxAnswer = 16 << 10 // bytes of an answer's body
	maxReason = 200      // bytes of a reason
)

// parseAnswer reads the answer to a question.
func parseAnswer(status int, body []byte) (Answer, error) {
	said := struct {
		Allow  *bool  `json:"allow"`
		Stream string `json:"stream"`
		Reason string `json:"reason"`
	}{}
	var broken error
	if body = bytes.TrimSpace(body); len(body) > 0 && body[0] == '{' {
		broken = json.Unmarshal(body, &said)
	}
	yes := status >= 200 && status < 300
	switch {
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		return Answer{}, fmt.Errorf("%w: status %d", ErrFailed, status)
	case status >= 400 && status < 500:
		if broken != nil {
			said.Reason = ""
		}
		return Answer{}, &Denied{printable(said.Reason)}
	case !yes:
		return Answer{}, fmt.Errorf("%w: status %d", ErrFailed, status)
	case broken != nil:
		return Answer{}, fmt.Errorf("%w: %w", ErrFailed, broken)
	case said.Allow != nil && !*said.Allow:
		return Answer{}, &Denied{printable(said.Reason)}
	}
	return Answer{Stream: said.Stream}, nil
}

// printable makes a reason fit for a log and for an encoder.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s)
	for i := range s {
		if i > maxReason-4 { // the longest rune
			return s[:i]
		}
	}
	return s
}
