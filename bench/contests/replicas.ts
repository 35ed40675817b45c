/**
 * replicas: A with two processes on one Postgres, against one process.
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
  const half = first / 2
  const rounds = yield* Contest.rounds("replicas", where, {
    naive: plan("naive"),
    one: plan("fibric"),
    two: {
      ...plan("fibric"),
      loads: [[distinct("a", half, inFlight), distinct("a", half, inFlight, half)]]
    }
  })
  const twoToOne = Contest.ratio(rounds, "rate", "two", "one")
  return {
    rounds: rounds.length,
    report: {
      twoToOne: rounded(twoToOne.median),
      range: { twoToOne: Contest.range(twoToOne) },
      one: Contest.told(rounds, "one"),
      two: Contest.told(rounds, "two")
    }
  }
})
