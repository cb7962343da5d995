package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Client calls one installation as one run of one agent.
type Client struct {
	URL, Key, Workspace, Agent, Execution string
}

// Refusal is the error of a call that changed nothing. Slug is the same in every language.
type Refusal struct {
	Slug    string `json:"message"`
	Details string `json:"details"` // JSON once more, within a text
	Hint    string `json:"hint"`
}

func (r *Refusal) Error() string { return r.Slug + ": " + r.Hint }

// Detail reads a field of what the error says about the case.
func (r *Refusal) Detail(field string) any {
	var details map[string]any
	if json.Unmarshal([]byte(r.Details), &details) != nil {
		return nil
	}
	return details[field]
}

// Args are the arguments of a function, by name.
type Args map[string]any

const attempts = 6

// No call waits inside the database, so one that takes this long has lost its answer.
var patient = http.Client{Timeout: 10 * time.Second}

// Change calls a function that changes something. All attempts carry one request id, so it is done once.
func (c *Client) Change(function string, args Args, answer any) error {
	if _, named := args["execution_id"]; !named {
		args["execution_id"] = c.Execution
	}
	args["request_id"] = newID()
	return c.send("POST", "rpc/"+function, args, answer)
}

// Read asks for rows of a table or a view.
func (c *Client) Read(query string, rows any) error { return c.send("GET", query, nil, rows) }

func (c *Client) send(method, path string, args Args, answer any) error {
	body, err := json.Marshal(args)
	if err != nil {
		return err
	}
	pause := 100 * time.Millisecond
	for attempt := 1; ; attempt++ {
		status, text, err := c.once(method, path, body)
		if err == nil && status < 300 {
			return json.Unmarshal(text, answer)
		}
		// Without an answer the call may have been done: the same request id again is safe.
		if err != nil || (status >= 502 && status <= 504) {
			if attempt == attempts {
				return fmt.Errorf("no answer, so it may have been done: status %d, %v", status, err)
			}
			time.Sleep(pause)
			pause *= 3
			continue
		}
		refusal := &Refusal{}
		if json.Unmarshal(text, refusal) != nil || refusal.Slug == "" {
			return fmt.Errorf("status %d: %s", status, text)
		}
		return refusal
	}
}

func (c *Client) once(method, path string, body []byte) (int, []byte, error) {
	request, err := http.NewRequest(method, c.URL+"/rest/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("apikey", c.Key)
	request.Header.Set("x-workspace", url.PathEscape(c.Workspace)) // headers are ASCII, and names are not
	request.Header.Set("Content-Type", "application/json")
	answer, err := patient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, text, err
}

// A random UUID (version 4).
func newID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err) // no randomness: nothing would be safe
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
