// SPDX-License-Identifier: Apache-2.0
// Writes vectors.json: random decimals through cosmossdk.io/math v1.3.0, which core/dec.ts has to equal.
// go mod init decvec && go get cosmossdk.io/math@v1.3.0 && go run . > vectors.json
package main

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand"

	"cosmossdk.io/math"
)

type V struct{ A, B, Mul, Quo, QuoUp, Round string }

func main() {
	r := rand.New(rand.NewSource(1))
	pick := func() *big.Int {
		bits := []uint{1, 8, 30, 60, 61, 70, 90, 120}[r.Intn(8)]
		n := new(big.Int).Rand(r, new(big.Int).Lsh(big.NewInt(1), bits))
		if r.Intn(4) == 0 {
			n = new(big.Int).Mul(n, big.NewInt(500000000000000000))
		}
		if n.Sign() == 0 {
			n = big.NewInt(1)
		}
		return n
	}
	out := []V{}
	for i := 0; i < 200; i++ {
		a, b := pick(), pick()
		x, y := math.LegacyNewDecFromBigIntWithPrec(a, 18), math.LegacyNewDecFromBigIntWithPrec(b, 18)
		out = append(out, V{a.String(), b.String(), x.Mul(y).BigInt().String(), x.Quo(y).BigInt().String(), x.QuoRoundUp(y).BigInt().String(), x.RoundInt().String()})
	}
	j, _ := json.MarshalIndent(out, "", " ")
	fmt.Println(string(j))
}
