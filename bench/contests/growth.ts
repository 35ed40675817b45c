/**
 * growth: A on a ledger that holds millions of settled keys, against one that holds none.
 */
import { Console, Effect } from "effect"
import * as Fill from "../harness/Fill.ts"
import { empty } from "../harness/Server.ts"
import { rounded } from "../harness/statistics.ts"
import * as Contest from "./Contest.ts"
import { distinct } from "./Sizes.ts"

const old = "bench_old"

export const run = Effect.fnUntraced(function* (where: Contest.Where) {
  const { first, inFlight, settled, warm } = where.sizes
  yield* Console.error(`growth: making a ledger of ${settled} settled keys`)
  yield* where.server.template(old, empty, (database) => Fill.settledKeys(database, settled))
  const plan = (template: string, isCopied: boolean) => ({
    subject: "fibric",
    template,
    isCopied,
    warm: distinct("warm", warm, inFlight),
    loads: [[distinct("a", first, inFlight)]] as const
  })
  const rounds = yield* Contest.rounds("growth", where, {
    naive: { ...plan(empty, true), subject: "naive" },
    none: plan(empty, true),
    many: plan(old, false)
  })
  const ratio = Contest.ratio(rounds, "rate", "many", "none")
  return {
    rounds: rounds.length,
    report: {
      keys: settled,
      ratioToNone: rounded(ratio.median),
      range: { ratioToNone: Contest.range(ratio) },
      none: Contest.told(rounds, "none"),
      many: Contest.told(rounds, "many")
    }
  }
})
