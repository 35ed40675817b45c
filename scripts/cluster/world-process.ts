/**
 * world-process: the far side of every runner, in a process of its own that nobody kills or stops. It alone knows
 * what really happened, when each effect began and ended, and which runner asked for it.
 *
 * Run as `node scripts/cluster/world-process.ts`. It prints one line of JSON, `{"port":…}`, when it listens
 * (127.0.0.1, a free port), and ends when its stdin closes. What it answers, over HTTP, stands in
 * `World.ts`.
 *
 * An effect takes as long as it was ordered to, whether or not whoever ordered it still lives. A provider
 * key that it has seen is no new effect; it is answered when the first one has ended. Effects are counted
 * by the change that was meant: a second effect under another provider key is a second effect.
 */
import { serve } from "../harness/serve.ts"
import type { Order, Report } from "./World.ts"

interface Happened {
  readonly order: Order
  readonly ended: Promise<void>
}

const byKey = new Map<string, Happened>()
const effectsOf = new Map<string, number>()
const running = new Map<string, Array<Order>>()
const owners = new Map<string, string>()
let overlaps = 0
let recognised = 0

const begin = (order: Order): Happened => {
  effectsOf.set(order.change, (effectsOf.get(order.change) ?? 0) + 1)
  owners.set(order.entity, order.runner)
  const beside = running.get(order.entity) ?? []
  if (beside.length > 0) overlaps += 1
  running.set(order.entity, [...beside, order])
  const ended = new Promise<void>((resolve) => {
    setTimeout(() => {
      running.set(
        order.entity,
        (running.get(order.entity) ?? []).filter((one) => one !== order)
      )
      resolve()
    }, order.millis)
  })
  return { order, ended }
}

const perform = (order: Order): Promise<void> => {
  const known = byKey.get(order.key)
  if (known !== undefined) recognised += 1
  const happened = known ?? begin(order)
  byKey.set(order.key, happened)
  return happened.ended
}

const report = (): Report => ({
  effects: byKey.size,
  changes: effectsOf.size,
  duplicates: [...effectsOf.values()].filter((effects) => effects > 1).length,
  overlaps,
  recognised,
  running: [...running.values()].flat(),
  owners: Object.fromEntries(owners)
})

serve({
  "POST /effects": async ({ body }) => {
    // Only our own processes write here, with the type that both sides import.
    await perform(body as Order)
    return {}
  },
  "GET /report": report
})
