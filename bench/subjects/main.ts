/**
 * main: the process of one subject. Every line on its stdin is a load as JSON; it carries it out and prints
 * what became of it, as one line. It prints `{}` when it is open, and ends when its stdin closes.
 *
 * Usage: main.ts <subject>, with `DATABASE_URL`.
 */
import { writeSync } from "node:fs"
import { flushCompileCache } from "node:module"
import { createInterface } from "node:readline"
import { type Load, type Said, type Wish, wishes } from "../Load.ts"
import type { Open, Subject } from "./Subject.ts"

/** Each in a module of its own, so that a baseline's process holds nothing of fibric. */
const subjects: Readonly<Record<string, () => Promise<{ readonly open: Open }>>> = {
  naive: () => import("./naive.ts"),
  "naive-repeats": () => import("./naive-repeats.ts"),
  group: () => import("./group.ts"),
  logged: () => import("./logged.ts"),
  any: () => import("./any.ts"),
  merged: () => import("./merged.ts"),
  fibric: () => import("./fibric.ts"),
  "fibric-strict": () => import("./fibric-strict.ts")
}

const percentile = (sorted: Float64Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0

/** One burst: its time, and what was written down of each request. */
const burst = async (subject: Subject, all: ReadonlyArray<Wish>, inFlight: number) => {
  const began = new Float64Array(all.length)
  const took = new Float64Array(all.length)
  const answers: Array<string> = Array.from({ length: all.length }, () => "")
  let firstReplyMillis = 0
  const startedAt = performance.now()
  await subject.run(all, inFlight, {
    begun: (request) => {
      began[request] = performance.now()
    },
    answered: (request, receiptId) => {
      const now = performance.now()
      if (firstReplyMillis === 0) firstReplyMillis = now
      took[request] = now - (began[request] ?? 0)
      answers[request] = receiptId
    }
  })
  return { millis: performance.now() - startedAt, took, answers, firstReplyMillis }
}

const nameOf = ({ entity, occasion }: Wish): string => `${entity}:${occasion}`

const carryOut = async (subject: Subject, load: Load): Promise<Said> => {
  const bursts = Array.from({ length: load.bursts }, (_, number) => wishes(load, number))
  const effectsBefore = subject.effects()
  const cpuBefore = process.cpuUsage()
  const seen: Array<Awaited<ReturnType<typeof burst>>> = []
  for (const all of bursts) seen.push(await burst(subject, all, load.inFlight))
  const { system, user } = process.cpuUsage(cpuBefore)
  const receiptsOf = new Map<string, Set<string>>()
  for (const [number, { answers }] of seen.entries()) {
    for (const [request, one] of (bursts[number] ?? []).entries()) {
      const receipts = receiptsOf.get(nameOf(one)) ?? new Set()
      receiptsOf.set(nameOf(one), receipts.add(answers[request] ?? ""))
    }
  }
  const sorted = Float64Array.from(seen.flatMap(({ took }) => [...took])).sort()
  const times = Float64Array.from(seen.map(({ millis }) => millis)).sort()
  return {
    millis: percentile(times, 0.5),
    p50Millis: percentile(sorted, 0.5),
    p99Millis: percentile(sorted, 0.99),
    effects: subject.effects() - effectsBefore,
    requests: sorted.length,
    receipts: new Set([...receiptsOf.values()].flatMap((ids) => [...ids])).size,
    torn: [...receiptsOf.values()].filter((ids) => ids.size > 1).length,
    cpuMillis: (system + user) / 1_000,
    firstReplyMillis: seen[0]?.firstReplyMillis ?? 0
  }
}

const [name = "", url = process.env["DATABASE_URL"] ?? ""] = process.argv.slice(2)
const load = subjects[name]
if (load === undefined) throw new Error(`There is no subject "${name}"`)
const { open } = await load()
flushCompileCache()
const subject = await open(url)
writeSync(1, "{}\n")
for await (const line of createInterface({ input: process.stdin })) {
  // Only our own harness writes here, with the type that both sides import.
  writeSync(1, `${JSON.stringify(await carryOut(subject, JSON.parse(line) as Load))}\n`)
}
await subject.close()
