/**
 * C, the hot entity: distinct effects on one entity, one after the other. Strict: each settlement is durable
 * before the next claim. Merged: the settlement of one and the claim of the next in one commit.
 */
import { Effect } from "effect"
import { empty } from "../harness/Server.ts"
import { rounded } from "../harness/statistics.ts"
import type { Load } from "../Load.ts"
import * as Contest from "./Contest.ts"

export const run = Effect.fnUntraced(function* (where: Contest.Where) {
  const { hot, inFlight, warm } = where.sizes
  const load: Load = {
    shape: "hot",
    name: "c",
    requests: hot,
    keys: hot,
    from: 0,
    inFlight,
    bursts: 1
  }
  const plan = (subject: string) => ({
    subject,
    template: empty,
    warm: { ...load, name: "warm", requests: warm },
    loads: [[load]] as const
  })
  const rounds = yield* Contest.rounds("C", where, {
    naive: plan("naive"),
    mergedByHand: plan("merged"),
    strict: plan("fibric-strict"),
    merged: plan("fibric")
  })
  const strict = Contest.ratio(rounds, "rate", "strict", "naive")
  const merged = Contest.ratio(rounds, "rate", "merged", "mergedByHand")
  return {
    rounds: rounds.length,
    report: {
      strictToNaive: rounded(strict.median),
      mergedToMerged: rounded(merged.median),
      range: { strictToNaive: Contest.range(strict), mergedToMerged: Contest.range(merged) },
      naive: Contest.told(rounds, "naive"),
      merged: Contest.told(rounds, "mergedByHand"),
      fibricStrict: Contest.told(rounds, "strict"),
      fibric: Contest.told(rounds, "merged")
    }
  }
})
