// A client of Go's net/http that pushes a file again and again and counts what it is answered.
//
// Arguments: URL, file, how often, HTTP version (1 or 2). Prints a line of "COUNT OUTCOME" for each outcome.
package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	body, err := os.ReadFile(os.Args[2])
	count, bad := strconv.Atoi(os.Args[3])
	if err != nil || bad != nil {
		fmt.Fprintln(os.Stderr, err, bad)
		os.Exit(1)
	}
	// The certificate is the test's own, which is not what is tested.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	transport.ForceAttemptHTTP2 = os.Args[4] == "2"
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	outcomes := map[string]int{}
	for at := 0; at < count; at++ {
		outcomes[push(client, os.Args[1], body)]++
		if at%2 == 1 {
			transport.CloseIdleConnections() // Each other push has a new connection.
		}
	}
	for outcome, count := range outcomes {
		fmt.Println(count, outcome)
	}
}

func push(client *http.Client, url string, body []byte) string {
	request, err := http.NewRequest(http.MethodPut, url, bytes.NewReader(body))
	if err != nil {
		return err.Error()
	}
	answer, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	if _, err := io.ReadAll(answer.Body); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d over HTTP/%d", answer.StatusCode, answer.ProtoMajor)
}
