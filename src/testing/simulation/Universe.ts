/**
 * Universe: a whole simulated system: processes that run the real kernel, one ledger that they reach over
 * wires, the outside world, and a judge that watches all of it.
 *
 * It takes one step after the other: a task of a process, or something that happens in time. Which comes
 * next is drawn from the seed where several could.
 */
import { Context, Effect, Logger, Random, References } from "effect"
import * as Identifiers from "../../domain/Identifiers.ts"
import * as Bell from "../../kernel/Bell.ts"
import { hex } from "../../domain/Digest.ts"
import { emptyStore, type Store } from "../../kernel/ledger-memory/Store.ts"
import type * as LedgerMemory from "../../kernel/LedgerMemory.ts"
import { type Bounds, Settings } from "../../kernel/Settings.ts"
import * as Faults from "./Faults.ts"
import { identifiersFrom } from "./identifiers.ts"
import * as Judge from "./Judge.ts"
import * as Process from "./Process.ts"
import * as Replica from "./Replica.ts"
import * as Seeded from "./Seeded.ts"
import * as Timeline from "./Timeline.ts"
import * as Trace from "./Trace.ts"
import * as Wire from "./Wire.ts"
import * as World from "./World.ts"

export interface Options<R> {
  readonly seed: number
  readonly bounds: Bounds
  readonly connectors: Replica.Connectors<R>
  readonly planned: ReadonlyArray<Faults.Planned>
  /** How likely it is that a fiber gives way before an operation. */
  readonly yields: number
  readonly keepsTrace: boolean
}

export interface Universe<R> {
  readonly timeline: Timeline.Timeline
  readonly seeded: Seeded.Seeded
  readonly store: Store
  readonly world: World.Core
  readonly judge: Judge.Judge
  readonly faults: Faults.Faults
  readonly trace: Trace.Trace
  readonly serverNow: () => number
  /** Starts a process. */
  readonly spawn: () => Replica.Replica<R>
  /** Called when a process has been killed by a fault, or a caller is to be interrupted. */
  onKilled: (process: Process.Process) => void
  onInterrupt: (name: string | undefined, process: Process.Process) => void
  /** Takes steps until it holds, or nothing happens any more by `untilMillis`. */
  readonly run: (until: () => boolean, untilMillis: number) => void
  readonly steps: () => number
  /** All stopped processes go on, and the server is up. */
  readonly heal: () => void
}

/** More steps than any simulation needs: one that takes them runs in circles. */
const maxSteps = 2_000_000

export const make = <R>(options: Options<R>): Universe<R> => {
  const { bounds, keepsTrace, planned, seed } = options
  const seeded = Seeded.make(seed, 1)
  const scheduling = Seeded.make(seed, 2)
  const identifiers = Seeded.make(seed, 3)
  const timeline = Timeline.make()
  const trace = Trace.make(keepsTrace)
  const faults = Faults.make(planned)
  const store: Store = { ...emptyStore(), bell: { ring: (name) => ring(name), heard: () => Effect.never } }
  const processes: Array<Process.Process> = []
  const bells: Array<Bell.Bell> = []
  let skew = 0
  let steps = 0
  const server: Wire.Server = {
    now: () => Math.floor(Process.epochMillis + timeline.now() + skew),
    isDownUntil: -1,
    isHealed: false,
    epoch: 0
  }
  const judge = Judge.make({ store, now: timeline.now, serverNow: server.now })

  /** Who waits in line is told after a while, in its own process. */
  const ring = (name: string): void => {
    for (const [index, bell] of bells.entries()) {
      timeline.after(seeded.between(1, 5), () => processes[index]?.enqueue(() => bell.ring(name)))
    }
  }

  const befall = (fault: Faults.FaultName, process: Process.Process, name: string | undefined): void => {
    trace.note(Trace.wordOf(fault), () => `${at()} ${process.name}: ${fault}`)
    switch (fault) {
      case "kill-sent":
      case "kill-landed":
      case "kill-before-effect":
      case "kill-after-effect":
      case "kill-lookup":
        if (process.isDead()) return
        process.kill()
        universe.onKilled(process)
        return
      case "stop-landed":
      case "stop-before-effect":
      case "stop-after-effect":
        return process.stop(bounds.leaseMillis * (0.4 + seeded.below(160) / 100))
      case "interrupt-caller":
        return universe.onInterrupt(name, process)
      case "restart-ledger":
        server.epoch += 1
        server.isDownUntil = timeline.now() + seeded.between(100, 3_000)
        return
      case "jump-ahead":
      case "jump-back": {
        const by = fault === "jump-ahead" ? 3_600_000 : -seeded.pick([1_000, 60_000])
        skew += by
        judge.jumped(by)
        return
      }
      default:
    }
  }

  const at = () => timeline.now().toFixed(1).padStart(9)

  const faultAt = (step: Faults.Step, process: Process.Process): Faults.FaultName | undefined => {
    const fault = process.isDead() ? undefined : faults.at(step)
    if (fault !== undefined) faults.hit(fault, step)
    return fault
  }

  const world = World.make({
    timeline,
    seeded,
    graceMillis: bounds.graceMillis,
    faultAt: (step) => faultAt(step, { isDead: () => false } as Process.Process),
    befall: (fault, process, { name }) => befall(fault, process, name),
    begun: (begun) => {
      trace.note(
        begun.call.attempt,
        () => `${at()} ${begun.process.name}: call ${begun.call.key} #${begun.call.attempt}`
      )
      judge.begun(begun)
    },
    happened: (one, begun) => {
      trace.note(one.attempt + 7, () => `${at()} the world: ${one.entity} ${one.providerKey} #${one.attempt}`)
      judge.happened(one, begun)
    },
    lookedUp: judge.lookedUp,
    told: judge.told
  })

  const services = Context.make(Identifiers.Source, identifiersFrom(identifiers)).pipe(
    Context.add(Settings, bounds),
    Context.add(References.TracerEnabled, false),
    Context.add(Logger.CurrentLoggers, new Set()),
    Context.add(Random.Random, {
      nextIntUnsafe: () => identifiers.bits(),
      nextDoubleUnsafe: () => identifiers.bits() / 2 ** 32
    })
  )

  const landing =
    (process: Process.Process) =>
    <A>(statement: LedgerMemory.Statement, land: () => A): A => {
      judge.before(statement)
      const answer = land()
      trace.note(
        Trace.wordOf(statement.name) ^ process.number,
        () => `${at()} ${process.name}: ${statement.name} ${labelsOf(statement)} → ${describe(answer)}`
      )
      if (statement.name === "commit" && isSettled(answer)) {
        for (const { hash } of statement.keys ?? []) committed(hash)
      }
      judge.after(statement)
      return answer
    }

  const committed = (hash: Uint8Array): void => {
    const row = store.rows.get(hex(hash))
    if (row?.state === "done") world.commit(hex(hash), row.current.attempt)
  }

  const spawn = (): Replica.Replica<R> => {
    const number = processes.length
    const process = Process.make({
      name: `p${number + 1}`,
      number,
      timeline,
      skewMillis: seeded.pick([0, 0, -3_600_000, 3_600_000]),
      shouldYield: yieldsOf(scheduling, options.yields),
      context: services
    })
    const bell = Bell.make()
    processes.push(process)
    bells.push(bell)
    const carry = Wire.carrierOf({
      process,
      server,
      timeline,
      seeded,
      faultAt: (statement) => faultAt(statement.name, process),
      befall: (fault, statement) =>
        befall(fault, process, statement.keys?.[0] && hex(statement.keys[0].hash)),
      heard: (statement) => judge.heard(statement, process.number),
      landing: landing(process)
    })
    return Replica.start({
      process,
      store,
      serverNow: server.now,
      bell,
      carry,
      connectors: options.connectors(world.of(process))
    })
  }

  const runnable: Array<Process.Process> = []
  const step = (): boolean => {
    runnable.length = 0
    for (const process of processes) if (process.isRunnable()) runnable.push(process)
    const next = timeline.next()
    const isDue = next !== undefined && next <= timeline.now()
    if (runnable.length === 0) {
      if (next === undefined) return false
      timeline.advance()
      return true
    }
    // A processor is slow at times: what was to happen within a moment happens before a task that waits.
    const isSlow = next !== undefined && next <= timeline.now() + 20 && scheduling.chance(1 / 32)
    if ((isDue && scheduling.chance(0.5)) || isSlow) {
      timeline.advance()
      return true
    }
    const process = runnable.length === 1 ? runnable[0] : scheduling.pick(runnable)
    trace.note(process?.number ?? 0, () => `${at()} ${process?.name}: a task`)
    process?.runNext()
    return true
  }

  const universe: Universe<R> = {
    timeline,
    seeded,
    store,
    world,
    judge,
    faults,
    trace,
    serverNow: server.now,
    spawn,
    onKilled: () => undefined,
    onInterrupt: () => undefined,
    run: (until, untilMillis) => {
      while (timeline.now() < untilMillis && !until()) {
        steps += 1
        if (steps > maxSteps) throw new Error(`The simulation of seed ${seed} runs in circles`)
        if (!step()) return
      }
    },
    steps: () => steps,
    heal: () => {
      server.isDownUntil = -1
      server.isHealed = true
      for (const process of processes) process.goOn()
      faults.end()
    }
  }
  return universe
}

const isSettled = (answer: unknown): boolean =>
  typeof answer === "object" && answer !== null && "_tag" in answer && answer._tag === "Settled"

const labelsOf = ({ keys = [] }: LedgerMemory.Statement): string =>
  keys.map(({ label }) => label ?? "").join(", ")

const describe = (answer: unknown): string => {
  if (answer === undefined || answer === null || typeof answer !== "object") return String(answer)
  if ("_tag" in answer) return String(answer._tag)
  return "state" in answer
    ? String(answer.state)
    : Array.isArray(answer)
      ? answer.map(describe).join(", ")
      : "an answer"
}

/** Draws the operations at which fibers give way. */
const yieldsOf = (seeded: Seeded.Seeded, probability: number): (() => boolean) => {
  if (probability === 0) return () => false
  const most = Math.max(1, Math.round(2 / probability))
  let left = 1 + seeded.below(most)
  return () => {
    if (--left > 0) return false
    left = 1 + seeded.below(most)
    return true
  }
}
