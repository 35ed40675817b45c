/**
 * B, repeats. B1: one key asked for many times at once. B2: many requests over a thousand keys. Every repeat
 * leaves a durable receipt before it is answered.
 */
import { Effect } from "effect"
import { empty } from "../harness/Server.ts"
import { rounded, spread } from "../harness/statistics.ts"
import type { Load } from "../Load.ts"
import * as Contest from "./Contest.ts"

export const run = Effect.fnUntraced(function* (where: Contest.Where) {
  const { burst, bursts, inFlight, repeatKeys, repeats, warm } = where.sizes
  const many: Load = {
    shape: "shuffled",
    name: "b2",
    requests: repeats,
    keys: repeatKeys,
    from: 0,
    inFlight,
    bursts: 1
  }
  const loop: Load = { ...many, shape: "same", name: "b1", requests: burst, inFlight: burst, bursts }
  const plan = (subject: string) => ({
    subject,
    template: empty,
    warm: { ...many, name: "warm", requests: warm * 2, keys: warm },
    loads: [[many], [loop]] as const
  })
  const half = { ...many, requests: repeats / 2 }
  const rounds = yield* Contest.rounds(
    "B",
    where,
    {
      naive: plan("naive-repeats"),
      logged: plan("logged"),
      fibric: plan("fibric"),
      two: { ...plan("fibric"), loads: [[half, half]] }
    },
    ["naive", "two"]
  )
  const toBaseline = Contest.ratio(rounds, "millis", "fibric", "logged", 1)
  const toLogged = Contest.ratio(rounds, "rate", "fibric", "logged")
  const toNaive = Contest.ratio(rounds, "rate", "fibric", "naive")
  const [last] = rounds.slice(-1)
  const millis = (subject: string) => rounded(spread(Contest.each(rounds, subject, "millis", 1)).median)
  return {
    rounds: rounds.length,
    baseline: Contest.told(rounds, "logged").rate,
    B1: {
      // Of each burst; that all were alike has been judged.
      effects: (last?.["fibric"]?.[1]?.effects ?? NaN) / bursts,
      ratioToBaseline: rounded(toBaseline.median),
      range: { ratioToBaseline: Contest.range(toBaseline) },
      millis: { naive: millis("naive"), logged: millis("logged"), fibric: millis("fibric") }
    },
    B2: {
      effects: last?.["fibric"]?.[0]?.effects ?? NaN,
      receipts: last?.["fibric"]?.[0]?.receipts ?? NaN,
      ratioToLogged: rounded(toLogged.median),
      ratioToNaive: rounded(toNaive.median),
      range: { ratioToLogged: Contest.range(toLogged), ratioToNaive: Contest.range(toNaive) },
      naive: Contest.told(rounds, "naive"),
      logged: Contest.told(rounds, "logged"),
      fibric: Contest.told(rounds, "fibric"),
      twoProcesses: {
        effects: last?.["two"]?.[0]?.effects ?? NaN,
        receipts: last?.["two"]?.[0]?.receipts ?? NaN,
        ...Contest.told(rounds, "two")
      }
    }
  }
})
