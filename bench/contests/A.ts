/**
 * A, the first time: distinct effects, each on its own entity. The latency is up to the durable settlement.
 */
import { Effect } from "effect"
import { empty } from "../harness/Server.ts"
import { rounded } from "../harness/statistics.ts"
import * as Contest from "./Contest.ts"
import { distinct } from "./Sizes.ts"

export const run = Effect.fnUntraced(function* (where: Contest.Where) {
  const { first, inFlight, warm } = where.sizes
  const plan = (subject: string) => ({
    subject,
    template: empty,
    warm: distinct("warm", warm, inFlight),
    loads: [[distinct("a", first, inFlight)]] as const
  })
  const rounds = yield* Contest.rounds("A", where, {
    naive: plan("naive"),
    group: plan("group"),
    fibric: plan("fibric")
  })
  const toGroup = Contest.ratio(rounds, "rate", "fibric", "group")
  const toNaive = Contest.ratio(rounds, "rate", "fibric", "naive")
  const p99 = Contest.ratio(rounds, "p99Millis", "fibric", "group")
  return {
    rounds: rounds.length,
    report: {
      ratioToGroup: rounded(toGroup.median),
      ratioToNaive: rounded(toNaive.median),
      p99RatioToGroup: rounded(p99.median),
      range: {
        ratioToGroup: Contest.range(toGroup),
        ratioToNaive: Contest.range(toNaive),
        p99RatioToGroup: Contest.range(p99)
      },
      naive: Contest.told(rounds, "naive"),
      group: Contest.told(rounds, "group"),
      fibric: Contest.told(rounds, "fibric")
    }
  }
})
