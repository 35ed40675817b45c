/**
 * World: the outside world of a simulation. It keeps its own record of what really happened, whatever the
 * processes believe; the judge goes by that record.
 *
 * A connector acts on it as on a provider: `perform` for an effect, `lookup` to ask what became of one,
 * `commit` for what commits with the ledger's own transaction. What goes wrong on the way, the simulation
 * decides.
 */
import { Cause, Duration, Effect, Exit, Option } from "effect"
import { NotPerformed } from "../../domain/connector-errors.ts"
import type { Call } from "../../kernel/Sealed.ts"
import type { FaultName, Step } from "./Faults.ts"
import type { Process } from "./Process.ts"
import type { Seeded } from "./Seeded.ts"
import type { Timeline } from "./Timeline.ts"

/** What happened in the world. */
export interface Happened {
  /** The key's hash in hexadecimal. */
  readonly name: string
  readonly entity: string
  readonly attempt: number
  readonly providerKey: string
  readonly beganAt: number
  readonly endsAt: number
  readonly output: unknown
}

/** A call that a connector has begun. */
export interface Begun {
  readonly call: Call
  readonly name: string
  readonly process: Process
  readonly at: number
}

export interface PerformOptions<E> {
  /** For how long the provider recognises a key, from when it first saw it. Default: it does not. */
  readonly recognises?: Duration.Input
  /** What it refuses with, where the simulation has it refuse. */
  readonly refuses?: E
}

/** The world, as the connectors of one process see it. */
export interface World {
  /** Makes the effect of a call happen, and answers with `output`. */
  readonly perform: <A, E = never>(
    call: Call,
    output: A,
    options?: PerformOptions<E>
  ) => Effect.Effect<A, E | NotPerformed>
  /**
   * What the effect of a call's key was answered with, where it has happened, and that long ago that the
   * provider shows it. Typed by `like`, a value such as `perform` was given.
   */
  readonly lookup: <A>(call: Call, like: A, lag?: Duration.Input) => Effect.Effect<Option.Option<A>>
  /** An effect in the ledger's own database: it happens when the ledger commits. For `transactional`. */
  readonly commit: <A, E = never>(
    call: Call,
    output: A,
    options?: Pick<PerformOptions<E>, "refuses">
  ) => Effect.Effect<A, E | NotPerformed>
}

/** What the world needs of the simulation around it. */
export interface Surroundings {
  readonly timeline: Timeline
  readonly seeded: Seeded
  readonly graceMillis: number
  readonly faultAt: (step: Step) => FaultName | undefined
  readonly befall: (fault: FaultName, process: Process, begun: Begun) => void
  readonly begun: (begun: Begun) => void
  readonly happened: (happened: Happened, begun: Begun) => void
  /** The provider has been asked what became of a call. */
  readonly lookedUp: (begun: Begun) => void
  /** A success was told to a process that may still hear it. */
  readonly told: (begun: Begun) => void
}

/** The key's hash, as it stands in the key for the provider. */
export const nameOf = (call: Call): string => call.key.slice("fibric-".length, call.key.lastIndexOf("-"))

export interface Core {
  readonly of: (process: Process) => World
  readonly record: ReadonlyArray<Happened>
  /** Whether no call is on its way to it any more, nor an answer to one. Lookups change nothing, and don't count. */
  readonly isStill: () => boolean
  /** The ledger commits the transaction of a key's attempt. */
  readonly commit: (name: string, attempt: number) => void
}

export const make = (around: Surroundings): Core => {
  const { befall, begun: began, faultAt, graceMillis, happened, lookedUp, seeded, timeline, told } = around
  const record: Array<Happened> = []
  const firstSeen = new Map<string, { readonly at: number; readonly output: unknown }>()
  let outageUntil = -1
  let onTheWay = 0
  const staged = new Map<string, { readonly begun: Begun; readonly output: unknown }>()

  /** Something reaches whom it is for, after a while. */
  const travel = (after: number, arrived: () => void): void => {
    onTheWay += 1
    timeline.after(after, () => {
      onTheWay -= 1
      arrived()
    })
  }

  const happen = (begun: Begun, output: unknown, lastsMillis: number): void => {
    const { call, name } = begun
    const beganAt = timeline.now()
    const entity = `${call.entity.type}-${call.entity.id}`
    const one: Happened = {
      name,
      entity,
      attempt: call.attempt,
      providerKey: call.key,
      beganAt,
      endsAt: beganAt + lastsMillis,
      output
    }
    record.push(one)
    happened(one, begun)
  }

  /** The provider gets the request: a key that it recognises is answered as it was the first time. */
  const receive = (begun: Begun, output: unknown, recognisesMillis: number, lastsMillis: number): unknown => {
    const { call } = begun
    const seen = firstSeen.get(call.key)
    if (seen !== undefined && begun.at <= seen.at + recognisesMillis) return seen.output
    if (recognisesMillis > 0) firstSeen.set(call.key, { at: timeline.now(), output })
    happen(begun, output, lastsMillis)
    return output
  }

  const of = (process: Process): World => {
    const begin = (call: Call): { readonly begun: Begun; readonly fault: FaultName | undefined } => {
      const begun: Begun = { call, name: nameOf(call), process, at: timeline.now() }
      const fault = faultAt(call.attempt === 1 ? "call" : "callAgain")
      began(begun)
      return { begun, fault }
    }

    const perform = <A, E>(call: Call, output: A, options: PerformOptions<E> = {}) =>
      Effect.callback<A, E | NotPerformed>((resume) => {
        const { begun, fault } = begin(call)
        const recognises = Duration.toMillis(options.recognises ?? 0)
        const answer = (exit: Exit.Exit<A, E | NotPerformed>, after: number): void =>
          travel(after, () =>
            process.enqueue(() => {
              const isHeard = timeline.now() < begun.at + call.deadlineMillis + graceMillis
              if (Exit.isSuccess(exit) && isHeard && fault !== "garbage") told(begun)
              resume(exit)
            })
          )
        const lasts = seeded.between(5, 400)
        const arrive = (after: number, then?: (kept: A) => void): void =>
          travel(after, () => {
            // What it gives for a key was given by this very connector.
            const kept = receive(begun, output, recognises, lasts) as A
            then?.(kept)
          })
        const way = seeded.between(1, 50)
        if (fault === "outage") outageUntil = timeline.now() + seeded.between(2_000, 12_000)
        if (timeline.now() < outageUntil) return seeded.chance(0.5) ? arrive(way) : undefined
        const succeed = (kept: A, after = lasts + seeded.between(1, 50)) => answer(Exit.succeed(kept), after)
        switch (fault) {
          case "refuse":
            if (options.refuses === undefined) break
            return answer(Exit.fail(options.refuses), way)
          case "deny":
            return answer(
              Exit.fail(new NotPerformed({ proof: "never_sent", reason: "the connection was refused" })),
              way
            )
          case "die":
            if (seeded.chance(0.5)) arrive(way)
            return answer(Exit.die(new Error("a bug of the connector")), way + seeded.between(0, 5))
          case "garbage":
            // What no schema of a capability declares.
            return arrive(way, () => succeed({ garbage: Symbol("garbage") } as A))
          case "hang":
            return
          case "lose-answer":
            return arrive(way)
          case "late-answer":
            return arrive(way, (kept) =>
              succeed(kept, call.deadlineMillis + seeded.between(0, Math.round(graceMillis * 0.8)))
            )
          case "late-effect":
            return arrive(call.deadlineMillis + seeded.between(0, 3_000), (kept) => {
              if (seeded.chance(0.5)) succeed(kept)
            })
          case "kill-before-effect":
          case "stop-before-effect":
          case "interrupt-caller":
            befall(fault, process, begun)
            break
          case "kill-after-effect":
          case "stop-after-effect":
            return arrive(way, (kept) => {
              befall(fault, process, begun)
              succeed(kept)
            })
          case undefined:
          default:
        }
        arrive(way, (kept) => succeed(kept))
      })

    const commit = <A, E>(call: Call, output: A, options: Pick<PerformOptions<E>, "refuses"> = {}) =>
      Effect.callback<A, E | NotPerformed>((resume) => {
        const { begun, fault } = begin(call)
        const after = (exit: Exit.Exit<A, E | NotPerformed>) =>
          timeline.after(seeded.between(1, 20), () => process.enqueue(() => resume(exit)))
        if (fault === "refuse" && options.refuses !== undefined) return after(Exit.fail(options.refuses))
        if (fault === "hang") return
        if (fault === "die") return after(Exit.die(new Error("a bug of the connector")))
        if (fault?.startsWith("kill") === true || fault?.startsWith("stop") === true)
          befall(fault, process, begun)
        staged.set(`${begun.name} ${call.attempt}`, { begun, output })
        after(Exit.succeed(output))
      })

    const lookup = <A>(call: Call, _like: A, lag: Duration.Input = 0) =>
      Effect.callback<Option.Option<A>>((resume) => {
        const fault = faultAt("lookup")
        const begun: Begun = { call, name: nameOf(call), process, at: timeline.now() }
        lookedUp(begun)
        if (fault === "hang") return
        if (fault === "kill-lookup") befall(fault, process, begun)
        timeline.after(seeded.between(1, 50), () => {
          const { name } = begun
          const shown = timeline.now() - Duration.toMillis(lag)
          const found = record.find((one) => one.name === name && one.beganAt <= shown)
          const exit: Exit.Exit<Option.Option<A>> =
            fault === "fail-lookup"
              ? Exit.failCause(Cause.die(new Error("the provider can't be asked")))
              : Exit.succeed(found === undefined ? Option.none() : Option.some(found.output as A))
          const slow = fault === "slow-lookup" ? call.deadlineMillis * 0.85 : 0
          timeline.after(slow + seeded.between(1, 50), () => process.enqueue(() => resume(exit)))
        })
      })

    return { perform, commit, lookup }
  }

  return {
    of,
    record,
    isStill: () => onTheWay === 0,
    commit: (name, attempt) => {
      const one = staged.get(`${name} ${attempt}`)
      if (one === undefined) return
      staged.delete(`${name} ${attempt}`)
      happen(one.begun, one.output, 0)
    }
  }
}
