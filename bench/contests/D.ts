/**
 * D, cold repeats: a fresh process that is asked for keys which others have settled. How long it takes to
 * its first answer is told apart.
 */
import { Effect } from "effect"
import { empty } from "../harness/Server.ts"
import { rounded, spread } from "../harness/statistics.ts"
import * as Subject from "../harness/Subject.ts"
import * as Contest from "./Contest.ts"
import { distinct } from "./Sizes.ts"

const settled = "bench_settled"

export const run = Effect.fnUntraced(function* (where: Contest.Where) {
  const { cold, inFlight, warm } = where.sizes
  // Beside the keys that count there are those to warm up with.
  const all = distinct("d", cold + warm, inFlight)
  yield* where.server.template(settled, empty, ({ url }) =>
    Effect.forEach(
      ["fibric", "group"],
      (name) =>
        Effect.scoped(
          Effect.gen(function* () {
            const subject = yield* Subject.start(name, url)
            yield* subject.carryOut(all)
            yield* subject.dismiss
          })
        ),
      { discard: true }
    )
  )
  const plan = (subject: string) => ({
    subject,
    template: settled,
    isSettled: true,
    warm: distinct("d", warm, inFlight, cold),
    loads: [[distinct("d", cold, inFlight)]] as const
  })
  const rounds = yield* Contest.rounds(
    "D",
    where,
    {
      naive: plan("naive-repeats"),
      any: plan("any"),
      fibric: plan("fibric")
    },
    ["naive"]
  )
  const toAny = Contest.ratio(rounds, "rate", "fibric", "any")
  return {
    rounds: rounds.length,
    baseline: Contest.told(rounds, "any").rate,
    report: {
      ratioToAny: rounded(toAny.median),
      firstReplyMillis: rounded(spread(Contest.each(rounds, "fibric", "firstReplyMillis")).median),
      range: { ratioToAny: Contest.range(toAny) },
      naive: Contest.told(rounds, "naive"),
      any: Contest.told(rounds, "any"),
      fibric: Contest.told(rounds, "fibric")
    }
  }
})
