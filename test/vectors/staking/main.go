// SPDX-License-Identifier: Apache-2.0
// Writes vectors.json: tokens and shares through Validator of github.com/cosmos/cosmos-sdk v0.53.8, x/staking/types.
// go mod init valvec && go get github.com/cosmos/cosmos-sdk@v0.53.8 && go run . > vectors.json
package main

import (
	"encoding/json"
	"fmt"
	"math/rand"

	"cosmossdk.io/math"

	"github.com/cosmos/cosmos-sdk/x/staking/types"
)

type Step struct {
	Op     string // add, remove (shares for an amount), slash
	Amount string
	Shares string // shares given or taken
	Paid   string // tokens paid out
	Tokens string // after
	Total  string // shares after
}

func main() {
	r := rand.New(rand.NewSource(7))
	runs := [][]Step{}
	for i := 0; i < 40; i++ {
		v := types.Validator{Tokens: math.ZeroInt(), DelegatorShares: math.LegacyZeroDec()}
		run := []Step{}
		for j := 0; j < 12; j++ {
			amount := math.NewInt(1 + r.Int63n([]int64{10, 5_000_000, 1_000_000_000_000}[r.Intn(3)]))
			s := Step{Amount: amount.String(), Shares: "0", Paid: "0"}
			switch k := r.Intn(3); {
			case k == 0 || !v.Tokens.IsPositive():
				if v.InvalidExRate() {
					continue
				}
				var shares math.LegacyDec
				v, shares = v.AddTokensFromDel(amount)
				s.Op, s.Shares = "add", shares.BigInt().String()
			case k == 1:
				shares, err := v.SharesFromTokens(amount)
				if err != nil || shares.GT(v.DelegatorShares) {
					continue
				}
				var paid math.Int
				v, paid = v.RemoveDelShares(shares)
				s.Op, s.Shares, s.Paid = "remove", shares.BigInt().String(), paid.String()
			default:
				amount = math.MinInt(amount, v.Tokens)
				v = v.RemoveTokens(amount)
				s.Op, s.Amount = "slash", amount.String()
			}
			s.Tokens, s.Total = v.Tokens.String(), v.DelegatorShares.BigInt().String()
			run = append(run, s)
		}
		runs = append(runs, run)
	}
	j, _ := json.Marshal(runs)
	fmt.Println(string(j))
}
