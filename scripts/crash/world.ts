/**
 * world: the far side of every connector, in a process of its own that nobody kills. It alone knows what
 * really happened, and keeps it in memory.
 *
 * Run as `node scripts/crash/world.ts`. It prints one line of JSON, `{"port":…}`, when it listens
 * (127.0.0.1, a free port), and ends when its stdin closes, so it can't outlive its parent. What it
 * answers, over HTTP, stands in `OutsideWorld.ts`.
 *
 * Effects are counted by the change that was meant, never by the provider's key: a second effect under
 * another key is a second effect.
 */
import { serve } from "../harness/serve.ts"
import type { Order } from "./OutsideWorld.ts"

interface Subject {
  effects: number
  lookups: number
}

const subjects = new Map<string, Subject>()
const effectByKey = new Map<string, string>()

const subjectOf = (name: string): Subject => {
  const known = subjects.get(name) ?? { effects: 0, lookups: 0 }
  subjects.set(name, known)
  return known
}

/** Where it recognises keys, the second order of a key is answered with the first one's effect. */
const perform = ({ honour, key, subject }: Order): string => {
  const known = effectByKey.get(key)
  if (honour && known !== undefined) return known
  const effect = `${subject}#${(subjectOf(subject).effects += 1)}`
  effectByKey.set(key, effect)
  return effect
}

const lookUp = (key: string, subject: string): string | null => {
  subjectOf(subject).lookups += 1
  return effectByKey.get(key) ?? null
}

const subjectIn = (query: URLSearchParams): string => query.get("subject") ?? ""

serve({
  // Only our own processes write here, with the type that both sides import.
  "POST /effects": ({ body }) => ({ effect: perform(body as Order) }),
  "GET /effect": ({ query }) => ({ effect: lookUp(query.get("key") ?? "", subjectIn(query)) }),
  "GET /counts": ({ query }) => subjectOf(subjectIn(query))
})
