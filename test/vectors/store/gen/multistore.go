// SPDX-License-Identifier: Apache-2.0
package main

import (
	"encoding/hex"
	"fmt"
	"math/rand"
	"sort"

	"cosmossdk.io/log"
	"cosmossdk.io/store/metrics"
	"cosmossdk.io/store/rootmulti"
	"cosmossdk.io/store/types"
	dbm "github.com/cosmos/cosmos-db"
	ics23 "github.com/cosmos/ics23/go"
)

type op struct {
	Type string `json:"type"`
	Key  string `json:"key"`
	Data string `json:"data"`
}

type proof struct {
	Height int64  `json:"height"`
	Store  string `json:"store"`
	Key    string `json:"key"`
	Value  string `json:"value"`
	Exists bool   `json:"exists"`
	Ops    []op   `json:"ops"`
}

type block struct {
	Changes map[string][]string `json:"changes"`
	Roots   map[string]string   `json:"roots"`
	AppHash string              `json:"appHash"`
}

func query(ms *rootmulti.Store, hash []byte, height int64, store string, key []byte) proof {
	res, err := ms.Query(&types.RequestQuery{Path: "/" + store + "/key", Data: key, Height: height, Prove: true})
	check(err)
	p := proof{Height: height, Store: store, Key: hex.EncodeToString(key), Value: hex.EncodeToString(res.Value), Exists: res.Value != nil}
	commitments := make([]*ics23.CommitmentProof, 2)
	for i, o := range res.ProofOps.Ops {
		p.Ops = append(p.Ops, op{o.Type, hex.EncodeToString(o.Key), hex.EncodeToString(o.Data)})
		commitments[i] = &ics23.CommitmentProof{}
		check(commitments[i].Unmarshal(o.Data))
	}
	root := commitments[1].GetExist().GetValue()
	ok := ics23.VerifyMembership(ics23.TendermintSpec, hash, commitments[1], []byte(store), root)
	if p.Exists {
		ok = ok && ics23.VerifyMembership(ics23.IavlSpec, root, commitments[0], key, res.Value)
	} else {
		ok = ok && ics23.VerifyNonMembership(ics23.IavlSpec, root, commitments[0], key)
	}
	if !ok {
		panic("ics23 refuses the proof of " + store + "/" + string(key))
	}
	return p
}

// multistore proves some keys of the first `proving` stores.
func multistore(names []string, blocks int, seed int64, proving int) map[string]any {
	ms := rootmulti.NewStore(dbm.NewMemDB(), log.NewNopLogger(), metrics.NewNoOpMetrics())
	keys := map[string]*types.KVStoreKey{}
	for _, name := range names {
		keys[name] = types.NewKVStoreKey(name)
		ms.MountStoreWithDB(keys[name], types.StoreTypeIAVL, nil)
	}
	check(ms.LoadLatestVersion())
	r := rand.New(rand.NewSource(seed))
	var out []block
	hashes := map[int64][]byte{}
	for h := 1; h <= blocks; h++ {
		changes := map[string][]string{}
		for i, name := range names {
			if i == len(names)-1 || r.Intn(4) == 0 {
				continue // the last store stays empty
			}
			drawn := map[string]string{}
			for n := r.Intn(8); n > 0; n-- {
				key := fmt.Sprintf("%c%02d", 'a'+r.Intn(3), r.Intn(20))
				if r.Intn(3) == 0 {
					drawn[key] = del(key)
				} else {
					drawn[key] = set(key, fmt.Sprintf("%d", r.Intn(1<<20)))
				}
			}
			sorted := make([]string, 0, len(drawn))
			for key := range drawn {
				sorted = append(sorted, key)
			}
			sort.Strings(sorted)
			store := ms.GetCommitKVStore(keys[name])
			for _, key := range sorted {
				line := drawn[key]
				changes[name] = append(changes[name], line)
				if line[0] == '-' {
					store.Delete([]byte(key))
				} else {
					var k, v string
					_, _ = fmt.Sscanf(line, "+%s %s", &k, &v)
					store.Set([]byte(key), must(hex.DecodeString(v)))
				}
			}
		}
		id := ms.Commit()
		hashes[id.Version] = id.Hash
		roots := map[string]string{}
		for _, name := range names {
			roots[name] = hex.EncodeToString(ms.GetCommitKVStore(keys[name]).LastCommitID().Hash)
		}
		out = append(out, block{changes, roots, hex.EncodeToString(id.Hash)})
	}
	proofs := []proof{}
	for _, name := range names[:proving] {
		last := int64(blocks)
		for _, key := range []string{"a", "b", "zzz"} {
			proofs = append(proofs, query(ms, hashes[last], last, name, []byte(key)))
		}
		var present [][]byte
		for it := ms.GetCommitKVStore(keys[name]).Iterator(nil, nil); it.Valid(); it.Next() {
			present = append(present, it.Key())
		}
		for _, key := range [][]byte{present[0], present[len(present)/2], present[len(present)-1]} {
			proofs = append(proofs, query(ms, hashes[last], last, name, key), query(ms, hashes[last/2], last/2, name, key))
		}
	}
	return map[string]any{"names": names, "blocks": out, "proofs": proofs}
}

func writeMultistore() {
	write("../multistore.json", map[string]any{
		"source": "cosmossdk.io/store v1.1.1 rootmulti over github.com/cosmos/iavl v1.2.2; each proof accepted by github.com/cosmos/ics23/go v0.11.0",
		"cases": []any{
			multistore([]string{"bank", "acc"}, 12, 1, 1),
			multistore([]string{"pogo", "bank", "staking", "acc", "upgrade"}, 30, 2, 4),
			multistore([]string{"g", "f", "e", "d", "c", "b", "a"}, 10, 3, 0),
		},
	})
}
