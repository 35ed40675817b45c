/**
 * nemesis: what goes wrong, and when. The timetable follows from the seed; whom it meets in which state
 * is the machine's business.
 */
import { Clock, Effect } from "effect"
import { elapsedMillis } from "../../src/kernel/Stopwatch.ts"
import * as Dice from "./Dice.ts"
import * as Disk from "./Disk.ts"
import type { Fleet } from "./Fleet.ts"
import type { Ground } from "./ground.ts"
import * as Server from "./Server.ts"
import { type Loss, losses } from "./Wire.ts"

export interface Counts {
  kills: number
  stops: number
  restarts: number
  terminated: number
  blocked: number
  exhausted: number
  delays: number
  filled: number
}

export const none = (): Counts => ({
  kills: 0,
  stops: 0,
  restarts: 0,
  terminated: 0,
  blocked: 0,
  exhausted: 0,
  delays: 0,
  filled: 0
})

type Fault =
  | { readonly _tag: "Kill"; readonly place: number }
  | { readonly _tag: "Stop"; readonly place: number; readonly millis: number }
  | { readonly _tag: "Restart" }
  | { readonly _tag: "Terminate"; readonly share: number }
  | { readonly _tag: "Cut"; readonly loss: Loss; readonly pattern: RegExp; readonly afterMillis: number }
  | { readonly _tag: "Delay"; readonly byMillis: number; readonly forMillis: number }
  /** Every statement waits: the workers' pools fill. */
  | { readonly _tag: "Block"; readonly millis: number }
  /** Somebody takes every connection that the server has left. */
  | { readonly _tag: "Exhaust"; readonly millis: number }
  /** The server's disk is full. */
  | { readonly _tag: "Fill"; readonly millis: number }

interface Planned {
  readonly atMillis: number
  readonly fault: Fault
}

/** How long after one of a kind the next one comes, in the mean. */
const everyMillis = {
  Kill: 400,
  Stop: 740,
  Terminate: 1_900,
  Cut: 700,
  Delay: 5_000,
  Block: 8_000,
  Exhaust: 13_000,
  Fill: 4_000
} as const
type Kind = keyof typeof everyMillis

/** Claims and settlements by what they say, and whatever comes. */
const patterns = [/"_tag":"(?:Hold|Resend|Lookup|Transactional)"/, /"effect":"/, /thing/, /[^]/] as const

const draw = (tag: Kind, dice: Dice.Dice, places: number): Fault => {
  switch (tag) {
    case "Kill":
      return { _tag: tag, place: dice.whole(0, places - 1) }
    case "Stop":
      // Past the lease, mostly.
      return {
        _tag: tag,
        place: dice.whole(0, places - 1),
        millis: dice.chance(0.6) ? dice.between(1_400, 3_200) : dice.between(100, 900)
      }
    case "Terminate":
      return { _tag: tag, share: dice.between(0.1, 1) }
    case "Cut":
      return {
        _tag: tag,
        loss: dice.oneOf(losses),
        pattern: dice.oneOf(patterns),
        afterMillis: dice.between(100, 1_500)
      }
    case "Delay":
      return { _tag: tag, byMillis: dice.between(50, 400), forMillis: dice.between(300, 900) }
    case "Block":
      return { _tag: tag, millis: dice.between(300, 1_300) }
    case "Exhaust":
      return { _tag: tag, millis: dice.between(300, 900) }
    case "Fill":
      return { _tag: tag, millis: dice.between(700, 2_000) }
  }
}

/** What happens in so many seconds. A server that is started again so seldom has time for work between. */
export const plan = (
  seed: number,
  seconds: number,
  places: number,
  fillsDisk: boolean
): ReadonlyArray<Planned> => {
  const planned: Array<Planned> = []
  const endMillis = seconds * 1_000
  // The keys of a literal are its type's.
  for (const tag of Object.keys(everyMillis) as ReadonlyArray<Kind>) {
    if (tag === "Fill" && !fillsDisk) continue
    const dice = Dice.make(seed, tag)
    const mean = everyMillis[tag]
    for (let at = dice.between(0, mean); at < endMillis; at += dice.between(0.5 * mean, 1.5 * mean)) {
      planned.push({ atMillis: at, fault: draw(tag, dice, places) })
    }
  }
  const dice = Dice.make(seed, "Restart")
  const restarts = Math.max(1, Math.round(seconds / 14))
  for (let number = 0; number < restarts; number++) {
    const atMillis = ((number + dice.between(0.3, 0.8)) * endMillis) / restarts
    planned.push({ atMillis, fault: { _tag: "Restart" } })
  }
  return planned.sort((a, b) => a.atMillis - b.atMillis)
}

/** Does all of it, each in its time, and returns when the last has passed. */
export const run = Effect.fnUntraced(function* (
  planned: ReadonlyArray<Planned>,
  where: Ground,
  counts: Counts
) {
  const startedNanos = yield* Clock.monotonicTimeNanos
  yield* Effect.forEach(
    planned,
    Effect.fnUntraced(function* ({ atMillis, fault }) {
      const passed = elapsedMillis(startedNanos, yield* Clock.monotonicTimeNanos)
      yield* Effect.sleep(Math.max(0, atMillis - passed))
      yield* inflict(fault, where, counts)
    }),
    { concurrency: "unbounded", discard: true }
  )
})

/** How long somebody is waited for who can be met. */
const meetMillis = 3_000

/** A worker that can be met, from the place on that was drawn; whether there was one. */
const meet = (fleet: Fleet, place: number, hit: (place: number) => Effect.Effect<boolean>) =>
  Effect.gen(function* () {
    const startedNanos = yield* Clock.monotonicTimeNanos
    while (elapsedMillis(startedNanos, yield* Clock.monotonicTimeNanos) < meetMillis) {
      for (let step = 0; step < fleet.places; step++) {
        if (yield* hit((place + step) % fleet.places)) return true
      }
      yield* Effect.sleep(20)
    }
    return false
  })

const inflict = (fault: Fault, { fleet, server, wire }: Ground, counts: Counts) => {
  switch (fault._tag) {
    case "Kill":
      return Effect.map(meet(fleet, fault.place, fleet.kill), (met) => void (counts.kills += met ? 1 : 0))
    case "Stop":
      return Effect.map(
        meet(fleet, fault.place, (place) => fleet.stop(place, fault.millis)),
        (met) => void (counts.stops += met ? 1 : 0)
      )
    case "Restart":
      return Effect.andThen(
        server.restart,
        Effect.sync(() => void (counts.restarts += 1))
      )
    case "Terminate":
      return whileUp(terminate(server, fault.share), (ended) => void (counts.terminated += ended))
    case "Cut":
      return wire.cut(fault, 1_500)
    case "Delay":
      return Effect.andThen(
        wire.delay(fault.byMillis, fault.forMillis),
        Effect.sync(() => void (counts.delays += 1))
      )
    case "Block":
      return whileUp(block(server, fault.millis), () => void (counts.blocked += 1))
    case "Exhaust":
      return whileUp(exhaust(server, fault.millis), () => void (counts.exhausted += 1))
    case "Fill":
      return Effect.andThen(
        Disk.fill(server, fault.millis),
        Effect.sync(() => void (counts.filled += 1))
      )
  }
}

/** A server that is being started again spares whoever would have been met. */
const whileUp = <A, E>(done: Effect.Effect<A, E>, count: (result: A) => void): Effect.Effect<void> =>
  Effect.ignore(Effect.map(done, count))

const terminate = (server: Server.Server, share: number) =>
  Server.withClient(server.url(), (sql) =>
    Effect.map(
      sql<{ ended: number }>`
        SELECT count(pg_terminate_backend(pid))::int AS ended FROM (
          SELECT pid FROM pg_stat_activity WHERE application_name = 'fibric' ORDER BY pid
          LIMIT GREATEST(1, (SELECT count(*) * ${share}::float8 FROM pg_stat_activity
            WHERE application_name = 'fibric'))::int
        ) AS met`,
      ([row]) => row?.ended ?? 0
    )
  )

const block = (server: Server.Server, millis: number) =>
  Server.withClient(server.url(), (sql) =>
    sql.withTransaction(
      Effect.andThen(
        // Whoever waits for it lets nobody pass either: not for long.
        sql`SET LOCAL lock_timeout = 500`,
        Effect.andThen(sql`LOCK TABLE fibric.ledger IN ACCESS EXCLUSIVE MODE`, Effect.sleep(millis))
      )
    )
  )

const exhaust = (server: Server.Server, millis: number) => {
  const holding = Server.withClient(server.url(), () => Effect.sleep(millis))
  return Effect.all(
    Array.from({ length: Server.maxConnections }, () => Effect.ignore(holding)),
    { concurrency: "unbounded", discard: true }
  ).pipe(Effect.timeoutOption(millis * 2))
}
