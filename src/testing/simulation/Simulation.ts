/**
 * Simulation: runs actions on the real kernel in a simulated world, with faults, from a seed; and says what
 * was violated. Thousands of runs take seconds, because nothing waits for real, and the same seed gives the
 * same run, step by step.
 *
 *     start processes ─▶ ask, while faults happen ─▶ heal ─▶ wait until it is quiet ─▶ ask everything again ─▶ judge
 *
 * A process that is killed is followed by a new one. What a promise or a real timer waits for never comes:
 * connectors act on the `World` that they are given.
 */
import { Effect, Result } from "effect"
import type { Action } from "../../domain/Action.ts"
import type * as Capability from "../../domain/Capability.ts"
import * as Operator from "../../domain/Operator.ts"
import * as Ask from "../../kernel/Ask.ts"
import type { Row } from "../../kernel/ledger-memory/Store.ts"
import { type Bounds, Settings } from "../../kernel/Settings.ts"
import { Verdicts } from "../../kernel/Verdicts.ts"
import { answerOf } from "./judge/heard.ts"
import type { Asker, Violation } from "./judge/invariants.ts"
import { type Plan, plan, type Scenario } from "./Plan.ts"
import * as RealTime from "./RealTime.ts"
import type * as Seeded from "./Seeded.ts"
import * as Universe from "./Universe.ts"
import type { Happened } from "./World.ts"

/** How a run ended. */
export interface Outcome {
  readonly plan: Plan
  readonly violations: ReadonlyArray<Violation>
  readonly steps: number
  /** The run as one number: equal for two runs of one seed. */
  readonly digest: string
  /** How often each fault happened at each step, by `Faults.nameOf`. */
  readonly hits: ReadonlyMap<string, number>
  readonly effects: ReadonlyArray<Happened>
  readonly replicas: number
  readonly kills: number
  /** What happened, line by line, where it was asked for. */
  readonly trace: ReadonlyArray<string>
}

/** Short times: what takes minutes in use takes seconds here. */
const short: Partial<Bounds> = {
  leaseMillis: 4_500,
  beatMillis: 1_500,
  reapMillis: 2_000,
  reapBatch: 4,
  doubtMarginMillis: 1_000,
  graceMillis: 4_000,
  turnMillis: 1_000,
  keepLane: 2,
  mailboxCapacity: 4,
  recoverMillis: 2_000,
  oldDoubtMillis: 600_000,
  drainMillis: 0,
  pollMillis: 50,
  maxPollMillis: 1_000
}

/** Faults happen in the first seconds. */
const faultsUntilMillis = 5_000
/** Then all that takes its time has this long to come to its end. */
const quietWithinMillis = 150_000

/** Runs a seed. */
export const run = <R>(scenario: Scenario<R>, seed: number, options?: RunOptions): Outcome =>
  follow(scenario, plan(scenario, seed), options)

export interface RunOptions {
  /** Whether what happens is written down line by line. */
  readonly keepsTrace?: boolean
}

/** Runs a plan. */
export const follow = <R>(
  scenario: Scenario<R>,
  plan: Plan,
  { keepsTrace = false }: RunOptions = {}
): Outcome =>
  RealTime.closed(() => {
    const bounds: Bounds = { ...Settings.defaultValue(), ...short, ...scenario.bounds }
    const universe = Universe.make({
      seed: plan.seed,
      bounds,
      connectors: scenario.connectors,
      planned: plan.faults,
      yields: plan.yields,
      keepsTrace
    })
    const { judge, seeded, store, timeline } = universe
    const replicas = Array.from({ length: plan.processes }, () => universe.spawn())
    const waiting = new Map<Asker, { readonly interrupt: () => void }>()
    const named = scenario.asks.map(({ action }) => read(action, bounds))
    const names = named.map(({ name }) => name)
    let kills = 0

    universe.onKilled = (process) => {
      kills += 1
      for (const asker of waiting.keys()) if (!asker.isOfLivingProcess()) waiting.delete(asker)
      timeline.after(seeded.between(100, 4_000), () => {
        const place = replicas.findIndex((replica) => replica.process === process)
        if (place >= 0) replicas[place] = universe.spawn()
      })
    }
    universe.onInterrupt = (name) => {
      const one = [...waiting].find(([asker]) => asker.name === name) ?? [...waiting][0]
      if (one === undefined) return
      one[0].hasLeft = true
      one[1].interrupt()
    }

    const request = (asking: number, replica: number): void => {
      const on = replicas[replica % replicas.length]
      const one = scenario.asks[asking]
      const what = named[asking]
      if (on === undefined || one === undefined || what === undefined || on.process.isDead()) return
      const asker: Asker = {
        name: what.name,
        fingerprint: what.fingerprint,
        isOfLivingProcess: () => !on.process.isDead(),
        hasLeft: false,
        answer: undefined
      }
      judge.asked(asker)
      const ending = on.run(Operator.as(`asker-${asking % 3}`)(one.run), (exit) => {
        waiting.delete(asker)
        judge.answered(asker, answerOf(exit))
      })
      waiting.set(asker, ending)
    }

    const verdict = (): void => {
      const doubts = [...store.rows.values()].filter(
        ({ state }) => state === "in_doubt" || state === "refused"
      )
      const on = replicas[seeded.below(replicas.length)]
      if (doubts.length === 0 || on === undefined || on.process.isDead()) return
      const row = seeded.pick(doubts)
      const index = names.indexOf(Ask.nameOf(row.key))
      const action = scenario.asks[index]?.action
      const happened = universe.world.record.some(({ name }) => name === names[index])
      if (action === undefined) return
      judge.ruled(Ask.nameOf(row.key))
      on.run(Operator.as("a-person")(Effect.ignore(ruling(row, action, happened, seeded))), () => undefined)
    }

    for (const { asking, atMillis, replica } of plan.requests)
      timeline.after(atMillis, () => request(asking, replica))
    for (const atMillis of plan.verdictsAt) timeline.after(atMillis, verdict)
    timeline.after(faultsUntilMillis, universe.heal)

    const isQuiet = (): boolean =>
      waiting.size === 0 &&
      universe.world.isStill() &&
      judge.isKept() &&
      replicas.every(({ process }) => !process.isDead()) &&
      [...store.rows.values()].every(isAtRest)
    /** Looked at once in a while: looking takes longer than most steps. */
    const whenQuiet = (fromMillis: number): (() => boolean) => {
      let nextAt = fromMillis
      return () => {
        if (timeline.now() < nextAt) return false
        nextAt = timeline.now() + 500
        return isQuiet()
      }
    }
    // What is still on its way at the end of the faults arrives within this time.
    universe.run(whenQuiet(faultsUntilMillis + 3_000), faultsUntilMillis + quietWithinMillis)
    const again = timeline.now()
    for (const asking of scenario.asks.keys()) request(asking, seeded.below(plan.processes))
    universe.run(whenQuiet(again + 200), again + quietWithinMillis)
    judge.end(universe.faults.hits.size === 0)

    return {
      plan,
      violations: judge.violations,
      steps: universe.steps(),
      digest: universe.trace.digest(),
      hits: universe.faults.hits,
      effects: universe.world.record,
      replicas: plan.processes,
      kills,
      trace: universe.trace.lines
    }
  })

/** Nothing more is to be expected of a key, but for a person's word. */
const isAtRest = (row: Row): boolean => {
  if (row.state === "performing" || row.callOpen) return false
  if (row.state !== "in_doubt") return true
  const { recovery } = row.current
  switch (recovery._tag) {
    case "Resend":
      return row.recoverAtMillis === null
    case "Lookup":
      return recovery.releaseAfterMillis === null && row.recoveries > 2
    case "Hold":
      return true
    case "Transactional":
    case "Replay":
      return false
  }
}

const ruling = (row: Row, action: Action<Capability.Any>, happened: boolean, seeded: Seeded.Seeded) =>
  Effect.flatMap(Verdicts, (verdicts): Effect.Effect<unknown, unknown> => {
    const about = { attempt: row.current.attempt, reason: "I looked" }
    if (row.state === "refused") return verdicts.reopen(row.key, about)
    if (happened && seeded.chance(0.7)) return verdicts.itHappened(action, about)
    return seeded.chance(0.7)
      ? verdicts.release(row.key, { ...about, force: seeded.chance(0.3) })
      : verdicts.abandon(row.key, { ...about, force: seeded.chance(0.3) })
  })

const read = (action: Action<Capability.Any>, bounds: Bounds): Ask.Ask =>
  Result.match(Ask.read(action, "simulation", bounds), {
    onSuccess: (ask) => ask,
    onFailure: (error) => {
      throw error
    }
  })
