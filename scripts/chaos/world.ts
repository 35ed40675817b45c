/**
 * world: the far side of every connector, in a process of its own that nobody stops. It alone knows what
 * has happened, and keeps it in memory.
 *
 * Run as `node scripts/chaos/world.ts <seed>`. It prints one line of JSON, `{"port":…}`, when it listens
 * (127.0.0.1, a free port), and ends when its stdin closes, so it can't outlive its parent. What it is
 * asked over HTTP stands in `OutsideWorld.ts`.
 *
 * What becomes of an order follows from the seed, the change that was meant, and how often it was ordered:
 * never from when. It lets one thing happen twice, and two things of an entity at once: to find such is
 * what it is for. Only for `resend` it recognises a key, for as long as it has promised.
 */
import { setTimeout } from "node:timers/promises"
import { lost, serve } from "../harness/serve.ts"
import * as Dice from "./Dice.ts"
import type { Fate, Order, Ordered, Told } from "./OutsideWorld.ts"
import { late, recognisedMillis, visibleAfterMillis } from "./promises.ts"

const seed = process.argv[2] ?? "0"

type Entry = { -readonly [Name in keyof Ordered]: Ordered[Name] }
/** An order that was carried out; `ended` resolves when that is over. */
type Performed = { readonly entry: Entry; readonly ended: Promise<unknown> }

const orders: Array<Entry> = []
const times = new Map<string, number>()
/** The first effect of each provider's key. */
const byKey = new Map<string, Performed>()

/** Shares of the first order of a change, and of those after it: whoever asks again is mostly heard. */
const shares: ReadonlyArray<readonly [fate: Fate, first: number, again: number]> = [
  ["lost", 0.08, 0.04],
  ["late", 0.05, 0.02],
  ["mute", 0.02, 0.01],
  ["garbled", 0.02, 0.01],
  ["deaf", 0.05, 0.04],
  ["denied", 0.05, 0.02],
  ["declined", 0.04, 0.02]
]

const fateOf = (change: string, time: number): Fate => {
  let left = Dice.fixed(seed, "fate", change, time)
  for (const [fate, first, again] of shares) {
    const share = time === 1 ? first : again
    if (left < share) return fate
    left -= share
  }
  return "done"
}

/** How long an effect takes. */
const takesMillis = (change: string, time: number, fate: Fate): number => {
  const share = Dice.fixed(seed, "takes", change, time)
  return fate === "late" ? late.leastMillis + share * (late.mostMillis - late.leastMillis) : 15 + share * 120
}

const perform = async (order: Order): Promise<Told | typeof lost | object> => {
  const change = JSON.stringify([order.capability, order.entity, order.occasion])
  const time = (times.get(change) ?? 0) + 1
  times.set(change, time)
  const entry: Entry = {
    ...order,
    fate: fateOf(change, time),
    arrivedAt: Date.now(),
    effect: null,
    recognised: false,
    endedAt: null
  }
  orders.push(entry)
  const first = byKey.get(order.key)
  if (
    order.capability === "resend" &&
    first?.entry.effect &&
    entry.arrivedAt < first.entry.arrivedAt + recognisedMillis
  ) {
    entry.recognised = true
    entry.effect = first.entry.effect
    await first.ended
    return answer(entry)
  }
  if (entry.fate === "deaf") return lost
  if (entry.fate === "denied") return { _tag: "Denied" } satisfies Told
  if (entry.fate === "declined") return { _tag: "Declined" } satisfies Told
  entry.effect = `${order.capability}-${order.entity}-${order.occasion}#${time}`
  const ended = setTimeout(takesMillis(change, time, entry.fate))
  if (first === undefined || order.capability === "resend") byKey.set(order.key, { entry, ended })
  await ended
  entry.endedAt = Date.now()
  return answer(entry)
}

/** It has happened; what is said of it is another thing. */
const answer = (entry: Entry): Promise<never> | Told | typeof lost | object => {
  if (entry.fate === "lost") return lost
  if (entry.fate === "garbled") return { happened: true }
  if (entry.fate === "mute") return new Promise<never>(() => undefined)
  return { _tag: "Done", effect: entry.effect ?? "" } satisfies Told
}

const lookUp = (key: string) => {
  const entry = byKey.get(key)?.entry
  const isVisible = entry !== undefined && Date.now() >= entry.arrivedAt + visibleAfterMillis
  return { effect: isVisible ? entry.effect : null }
}

serve({
  // Only our own processes write here, with the type that both sides import.
  "POST /orders": ({ body }) => perform(body as Order),
  "GET /effect": ({ query }) => lookUp(query.get("key") ?? ""),
  "GET /orders": () => orders
})
