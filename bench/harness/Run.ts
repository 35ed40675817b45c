/**
 * Run: one run of one subject. A copy of a database, fresh processes, a load to warm up with, a checkpoint,
 * and then the load that counts. What must be so whatever the speed is judged here: how often the connector
 * was called, how many receipts stand in the table, and that repeats were answered with one receipt.
 */
import { Clock, Effect, Schema } from "effect"
import { elapsedMillis } from "../../src/kernel/Stopwatch.ts"
import { keysOf, type Load, type Said } from "../Load.ts"
import type { Database, Server } from "./Server.ts"
import * as ServerCpu from "./ServerCpu.ts"
import * as Subject from "./Subject.ts"

export interface Plan {
  readonly subject: string
  /** The database that its own is a copy of. */
  readonly template: string
  /** Whether it is; a database that is too large to be copied is used as it is, under another name of the load. */
  readonly isCopied?: boolean
  readonly warm: Load
  /** What counts, one after the other; of each a part for each process. */
  readonly loads: ReadonlyArray<readonly [Load, ...ReadonlyArray<Load>]>
  /** The keys were settled before: nothing is to be performed. */
  readonly isSettled?: boolean
}

/** A load's numbers, of all processes together. */
export interface Measured {
  readonly subject: string
  readonly requests: number
  readonly effects: number
  /** What stands in the table for it. */
  readonly receipts: number
  readonly millis: number
  /** Requests a second. */
  readonly rate: number
  readonly p50Millis: number
  readonly p99Millis: number
  readonly firstReplyMillis: number
  /** Of a request, in milliseconds. */
  readonly nodeCpuMillis: number
  readonly postgresCpuMillis: number
}

/** Something that speed is no excuse for. */
export class Wrong extends Schema.TaggedError<Wrong>()("Wrong", { findings: Schema.Array(Schema.String) }) {
  override get message() {
    return `Not as it has to be:\n  ${this.findings.join("\n  ")}`
  }
}

const tables: Readonly<Record<string, string>> = { fibric: "fibric.receipt_log" }
const tableOf = (subject: string): string => tables[subject.split("-")[0] ?? ""] ?? "hand.receipt_log"

/** In a database that stays, each round has entities of its own. */
const inRound = (plan: Plan, round: number): Plan => {
  if (plan.isCopied !== false) return plan
  const renamed = (load: Load): Load => ({ ...load, name: `${load.name}.${round}.` })
  return {
    ...plan,
    warm: renamed(plan.warm),
    loads: plan.loads.map(([first, ...others]) => [renamed(first), ...others.map(renamed)] as const)
  }
}

export const run = Effect.fnUntraced(function* (server: Server, asPlanned: Plan, round: number) {
  const plan = inRound(asPlanned, round)
  const database = plan.isCopied === false ? server.at(plan.template) : yield* server.copyOf(plan.template)
  const processes = Math.max(...plan.loads.map((parts) => parts.length))
  const subjects = yield* Effect.forEach(
    Array.from({ length: processes }),
    () => Subject.start(plan.subject, database.url),
    { concurrency: "unbounded" }
  )
  const [warmed] = yield* Effect.forEach(
    subjects,
    (subject, number) =>
      subject.carryOut({
        ...plan.warm,
        from: plan.warm.from + number * plan.warm.requests,
        name: plan.isSettled === true ? plan.warm.name : `${plan.warm.name}${number}`
      }),
    { concurrency: "unbounded" }
  )
  const measured = yield* Effect.forEach(plan.loads, (parts) =>
    measure(server, database, plan, subjects, parts)
  )
  yield* Effect.forEach(subjects, ({ dismiss }) => dismiss, { concurrency: "unbounded" })
  return measured.map((one) => ({ ...one, firstReplyMillis: warmed?.firstReplyMillis ?? 0 }))
}, Effect.scoped)

const measure = Effect.fnUntraced(function* (
  server: Server,
  database: Database,
  plan: Plan,
  subjects: ReadonlyArray<Subject.Subject>,
  parts: Plan["loads"][number]
) {
  yield* server.sql`CHECKPOINT`
  const since = yield* server.now
  const cpuBefore = yield* ServerCpu.millis(server.pid)
  const startedNanos = yield* Clock.monotonicTimeNanos
  const said = yield* Effect.forEach(
    parts,
    (load, number) => subjects[number]?.carryOut(load) ?? Effect.die("Bug: a part without a process"),
    { concurrency: "unbounded" }
  )
  const wallMillis = elapsedMillis(startedNanos, yield* Clock.monotonicTimeNanos)
  const cpuMillis = (yield* ServerCpu.millis(server.pid)) - cpuBefore
  const written = yield* server.receiptsSince(database, tableOf(plan.subject), parts[0].name, since)
  const findings = judge(plan, parts, said, written)
  if (findings.length > 0) return yield* new Wrong({ findings })
  const [only] = said
  // Of several processes the wall clock tells; of one its own, without the way to it.
  const millis = said.length === 1 && only !== undefined ? only.millis : wallMillis
  const requests = sum(said, "requests")
  const result: Measured = {
    subject: plan.subject,
    requests,
    effects: sum(said, "effects"),
    receipts: written.requests,
    millis,
    rate: (requests / parts[0].bursts / millis) * 1_000,
    p50Millis: Math.max(...said.map(({ p50Millis }) => p50Millis)),
    p99Millis: Math.max(...said.map(({ p99Millis }) => p99Millis)),
    firstReplyMillis: 0,
    nodeCpuMillis: sum(said, "cpuMillis") / requests,
    postgresCpuMillis: cpuMillis / requests
  }
  return result
})

const sum = (said: ReadonlyArray<Said>, field: "requests" | "effects" | "cpuMillis"): number =>
  said.reduce((sum, one) => sum + one[field], 0)

const judge = (
  { isSettled, subject }: Plan,
  parts: Plan["loads"][number],
  said: ReadonlyArray<Said>,
  written: { readonly requests: number; readonly performed: number }
): ReadonlyArray<string> => {
  // Parts of one name ask for the same keys.
  const isShared = new Set(parts.map(({ name }) => name)).size < parts.length && parts[0].shape === "shuffled"
  const keys = isShared ? keysOf(parts[0]) : parts.reduce((keys, load) => keys + keysOf(load), 0)
  const effects = isSettled === true ? 0 : keys
  const requests = sum(said, "requests")
  const expected = [
    ["effects", sum(said, "effects"), effects],
    ["receipts of what was performed", written.performed, effects],
    ["receipts in the table", written.requests, requests],
    ["keys answered with more than one receipt", said.reduce((torn, one) => torn + one.torn, 0), 0],
    ...said.map(({ receipts }, number) => {
      const part = parts[number]
      return ["receipts in the answers", receipts, part === undefined ? 0 : keysOf(part)] as const
    })
  ] as const
  return expected
    .filter(([, found, wanted]) => found !== wanted)
    .map(([what, found, wanted]) => `${subject}: ${found} ${what}, and there have to be ${wanted}`)
}
