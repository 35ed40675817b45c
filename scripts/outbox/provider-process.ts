/**
 * provider-process: a fake of a provider that recognises keys, in a process of its own that nobody kills. It takes a
 * moment for each request and keeps what happened in memory, in order.
 *
 * Run as `node scripts/outbox/provider-process.ts`. It prints one line of JSON, `{"port":…}`, when it listens
 * (127.0.0.1, a free port), and ends when its stdin closes.
 */
import { setTimeout } from "node:timers/promises"
import { serve } from "../harness/serve.ts"
import type { Order } from "./Provider.ts"

/** Long enough for a worker to be killed meanwhile. */
const holdMillis = 10

const effects: Array<Omit<Order, "key">> = []
const keys = new Set<string>()
let recognised = 0

serve({
  "POST /effects": async ({ body }) => {
    // Only our own processes write here, with the type that both sides import.
    const { key, ...order } = body as Order
    if (keys.has(key)) recognised += 1
    else {
      keys.add(key)
      effects.push(order)
    }
    await setTimeout(holdMillis)
    return {}
  },
  "GET /effects": () => ({ effects, recognised })
})
