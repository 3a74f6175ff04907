// Writes other.gob: the layout of the Pushgateway's persistence file, with fields of every kind that its
// reader does not know, in front of and behind those that it does.
package main

import (
	"encoding/gob"
	"math/big"
	"os"
	"time"
)

type message []byte

func (m message) GobEncode() ([]byte, error)   { return m, nil }
func (m *message) GobDecode(text []byte) error { *m = append(message(nil), text...); return nil }

type point struct {
	X, Y  int
	Inner any
}

type family struct {
	Before               [3]float64
	Timestamp            time.Time
	Between              map[int][]point
	GobbableMetricFamily message
	Behind               any
}

type group struct {
	Truth   bool
	Bytes   []byte
	Complex complex128
	Metrics map[string]family
	Nested  [][]map[string]*big.Int
	Labels  map[string]string
	Any     []any
	Late    uint64
}

func main() {
	gob.Register(point{})
	gob.Register(&big.Int{})
	moment := time.Unix(1700000000, 500000000).In(time.FixedZone("", 3600*5+1800+7))
	points := []point{{1, -2, nil}, {-129, 1 << 40, point{Inner: big.NewInt(5)}}}
	groups := map[string]group{"key": {
		Truth:   true,
		Complex: 1.5 + 2i,
		Metrics: map[string]family{
			"a":    {[3]float64{0, 17, -0.1}, moment, map[int][]point{-7: points}, message("A"), points[1]},
			"z":    {GobbableMetricFamily: message("Z")},
			"none": {Timestamp: moment.Add(time.Hour)},
		},
		Nested: [][]map[string]*big.Int{{{"n": big.NewInt(1 << 50)}, nil}, nil},
		Labels: map[string]string{"job": "j", "instance": ""},
		Any:    []any{nil, "text", 1, points[0], big.NewInt(9)},
		Late:   1 << 63,
	}}
	file, err := os.Create(os.Args[1])
	if err == nil {
		err = gob.NewEncoder(file).Encode(groups)
	}
	if err != nil {
		panic(err)
	}
}
