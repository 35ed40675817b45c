/**
 * world: the far side of every connector, in a process of its own that nobody stops. It alone knows when
 * each effect began and ended, on one clock, and keeps it in memory.
 *
 * Run as `node scripts/lanes/world.ts`. It prints one line of JSON, `{"port":…}`, when it listens
 * (127.0.0.1, a free port), and ends when its stdin closes, so it can't outlive its parent. What it is
 * asked over HTTP stands in `OutsideWorld.ts`.
 *
 * It lets two effects of one entity happen at once, and one twice: to find such is what it is for. An
 * effect has ended before whoever ordered it is answered.
 */
import { serve } from "../harness/serve.ts"
import { setTimeout } from "node:timers/promises"
import type { Happened, Order } from "./OutsideWorld.ts"

const happened: Array<{ -readonly [Name in keyof Happened]: Happened[Name] }> = []

const perform = async ({ holdMillis, ...order }: Order): Promise<void> => {
  const effect = { ...order, beganAt: performance.now(), endedAt: null as number | null }
  happened.push(effect)
  await setTimeout(holdMillis)
  effect.endedAt = performance.now()
}

serve({
  "POST /effects": async ({ body }) => {
    // Only our own processes write here, with the type that both sides import.
    await perform(body as Order)
    return {}
  },
  "GET /effects": () => happened
})
