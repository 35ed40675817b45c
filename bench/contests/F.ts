/**
 * F, flushes: how often the log is flushed, and how many statements are run, for one effect with one in
 * flight, by Postgres's own counts. They are nearly free of noise.
 *
 * Two processes do the same, the second one some effects more. What one of these cost is the difference of
 * what they cost, read when their connections have closed: starting, warming up and closing cancel out.
 */
import { Effect } from "effect"
import * as Counters from "../harness/Counters.ts"
import { empty, type Server } from "../harness/Server.ts"
import * as Subject from "../harness/Subject.ts"
import type { Load } from "../Load.ts"
import type * as Contest from "./Contest.ts"
import { distinct } from "./Sizes.ts"

/** What a process of its own makes Postgres do for this load. */
const counted = Effect.fnUntraced(function* (server: Server, subject: string, loads: ReadonlyArray<Load>) {
  const database = yield* server.copyOf(empty)
  yield* Counters.begin(server, database)
  yield* Effect.scoped(
    Effect.gen(function* () {
      const child = yield* Subject.start(subject, database.url)
      for (const load of loads) yield* child.carryOut(load)
      yield* child.dismiss
    })
  )
  return yield* Counters.read(server, database)
}, Effect.scoped)

const each = Effect.fnUntraced(function* (server: Server, subject: string, load: Load) {
  // Statements are prepared when they are first met.
  const warm = { ...load, name: "warm", requests: Math.min(50, load.requests), keys: Math.min(50, load.keys) }
  const without = yield* counted(server, subject, [warm])
  const all = yield* counted(server, subject, [warm, load])
  const rounded = (count: number) => Math.round((count / load.requests) * 1_000) / 1_000
  return {
    flushes: rounded(all.flushes - without.flushes),
    statements: rounded(all.statements - without.statements),
    walBytes: Math.round((all.walBytes - without.walBytes) / load.requests)
  }
})

/** How many keys the repeats are for. */
const repeatedKeys = 20

export const run = Effect.fnUntraced(function* ({ server, sizes }: Contest.Where) {
  const { flushed, inFlight } = sizes
  const first = distinct("f", flushed, 1)
  const hot: Load = { ...first, shape: "hot", name: "c", inFlight }
  const repeats: Load = {
    ...first,
    shape: "shuffled",
    name: "r",
    requests: flushed * 20,
    keys: repeatedKeys,
    inFlight
  }
  const a = yield* each(server, "fibric", first)
  const c = yield* each(server, "fibric", hot)
  const own = {
    A: a.flushes,
    C: c.flushes,
    statements: { A: a.statements, C: c.statements },
    walBytes: { A: a.walBytes, C: c.walBytes }
  }
  if (!sizes.isWhole) return own
  return {
    ...own,
    naive: yield* each(server, "naive", first),
    group: yield* each(server, "group", first),
    merged: yield* each(server, "merged", hot),
    // Of a request, repeats with others in flight.
    repeats: {
      fibric: yield* each(server, "fibric", repeats),
      logged: yield* each(server, "logged", repeats)
    }
  }
})
