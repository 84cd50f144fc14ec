// SPDX-License-Identifier: Apache-2.0
// Writes tree.json and multistore.json beside this folder: what github.com/cosmos/iavl and cosmossdk.io/store
// answer to the same operations. See README.md for the command.
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"

	"cosmossdk.io/log"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/iavl"
	idb "github.com/cosmos/iavl/db"
)

// An operation is "+KEY VALUE" (hex, value may be empty) or "-KEY".
type version struct {
	Ops  []string `json:"ops"`
	Hash string   `json:"hash"`
	Size int64    `json:"size"`
}

type scenario struct {
	Name     string    `json:"name"`
	Initial  uint64    `json:"initial"`
	Versions []version `json:"versions"`
}

// Every 500th root of a long run whose operations both sides draw from the same 32-bit generator.
type longRun struct {
	Seed   uint32   `json:"seed"`
	Keys   uint32   `json:"keys"`
	Blocks int      `json:"blocks"`
	Ops    int      `json:"ops"`
	Every  int      `json:"every"`
	Hashes []string `json:"hashes"`
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func newTree(initial uint64) *iavl.MutableTree {
	return iavl.NewMutableTree(idb.NewWrapper(dbm.NewMemDB()), 100000, false, log.NewNopLogger(), iavl.InitialVersionOption(initial))
}

func apply(tree *iavl.MutableTree, op string) {
	var key, value string
	if op[0] == '-' {
		_, _, err := tree.Remove(must(hex.DecodeString(op[1:])))
		check(err)
		return
	}
	_, _ = fmt.Sscanf(op, "+%s %s", &key, &value)
	_, err := tree.Set(must(hex.DecodeString(key)), must(hex.DecodeString(value)))
	check(err)
}

func run(name string, initial uint64, blocks [][]string) scenario {
	tree := newTree(initial)
	s := scenario{Name: name, Initial: initial, Versions: []version{}}
	for _, ops := range blocks {
		for _, op := range ops {
			apply(tree, op)
		}
		hash, _, err := tree.SaveVersion()
		check(err)
		if ops == nil {
			ops = []string{}
		}
		s.Versions = append(s.Versions, version{ops, hex.EncodeToString(hash), tree.Size()})
	}
	return s
}

func set(key, value string) string {
	return "+" + hex.EncodeToString([]byte(key)) + " " + hex.EncodeToString([]byte(value))
}
func del(key string) string { return "-" + hex.EncodeToString([]byte(key)) }

// random draws blocks over a small key space, so that overwrites, deletes and re-insertions of one key meet often.
func random(seed int64, blocks, ops, keys int, deletes float64) [][]string {
	r := rand.New(rand.NewSource(seed))
	out := make([][]string, blocks)
	for b := range out {
		if r.Intn(8) == 0 {
			continue // an empty version
		}
		for n := r.Intn(ops); n >= 0; n-- {
			key := fmt.Sprintf("%x", r.Intn(keys))
			if r.Float64() < deletes {
				out[b] = append(out[b], del(key))
			} else {
				out[b] = append(out[b], set(key, fmt.Sprintf("%d", r.Intn(1000))[r.Intn(2):]))
			}
		}
	}
	return out
}

func ascending(n int, descending bool) [][]string {
	out := make([][]string, 0, 2*n)
	for i := 0; i < n; i++ {
		k := i
		if descending {
			k = n - 1 - i
		}
		out = append(out, []string{set(fmt.Sprintf("%03d", k), "v")})
	}
	for i := 0; i < n; i++ {
		out = append(out, []string{del(fmt.Sprintf("%03d", i))})
	}
	return append(out, nil, []string{set("again", "x")})
}

func long() longRun {
	l := longRun{Seed: 20240607, Keys: 5000, Blocks: 100, Ops: 200, Every: 10}
	x := l.Seed
	next := func() uint32 { x = x*1664525 + 1013904223; return x >> 8 }
	tree := newTree(0)
	for b := 1; b <= l.Blocks; b++ {
		for i := 0; i < l.Ops; i++ {
			key := []byte(fmt.Sprintf("k%06d", next()%l.Keys))
			if next()%4 == 0 {
				_, _, err := tree.Remove(key)
				check(err)
			} else {
				_, err := tree.Set(key, []byte(fmt.Sprintf("%d", next())))
				check(err)
			}
		}
		hash, _, err := tree.SaveVersion()
		check(err)
		if b%l.Every == 0 {
			l.Hashes = append(l.Hashes, hex.EncodeToString(hash))
		}
	}
	return l
}

func write(path string, value any) {
	check(os.WriteFile(path, append(must(json.MarshalIndent(value, "", " ")), '\n'), 0o644))
}

func main() {
	write("../tree.json", map[string]any{
		"source": "github.com/cosmos/iavl v1.2.2, MutableTree",
		"scenarios": []scenario{
			run("nothing at all", 0, [][]string{nil, nil, {set("a", "1")}, {del("a")}, nil}),
			run("set and delete in one version", 0, [][]string{{set("a", "1"), set("b", ""), del("a")}, {set("a", "2"), set("a", "3"), del("zz")}, {del("a"), set("a", "3")}, {del("a"), del("b")}}),
			run("the same value again makes a new leaf", 0, [][]string{{set("a", "1"), set("b", "1")}, {set("a", "1")}, nil, {set("b", "1")}}),
			run("ascending, then deleted to nothing", 0, ascending(24, false)),
			run("descending, then deleted to nothing", 0, ascending(24, true)),
			run("first version 1000", 1000, random(7, 10, 12, 32, 0.3)),
			run("random, few keys, many deletes", 0, random(1, 60, 10, 24, 0.5)),
			run("random, mostly sets", 0, random(2, 40, 24, 200, 0.2)),
			run("random, shrinking", 0, append(random(3, 8, 60, 120, 0.0), random(4, 40, 12, 120, 0.9)...)),
		},
		"long": long(),
	})
	writeMultistore()
}
