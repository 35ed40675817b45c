/**
 * story: two runners under a load of a few hot parcels, one of them killed or stopped again and again in
 * the middle of an effect, and how long it takes until what it hosted is hosted by the other one.
 */
import { Clock, Effect, Fiber, type Redacted } from "effect"
import * as Runner from "./Runner.ts"
import type { World } from "./World.ts"

export interface Plan {
  readonly kills: number
  readonly freezes: number
  readonly timings: "quick" | "default"
}

export interface Told {
  readonly kills: number
  readonly freezes: number
  /** From the death of a runner to the first answer for a parcel that it had hosted, in seconds. */
  readonly failovers: ReadonlyArray<number>
  /** Changes that were asked for, and those of them that came to no answer in the end. */
  readonly asked: number
  readonly unanswered: number
}

const hotParcels = 6
const quietParcels = 16

/** How long a runner is stopped: longer than its lease, and than its hold on its shards. */
const freezeMillis = 9_000

const pauseMillis = 100

/** How long two looks at who hosts what are apart. */
const restMillis = 1_500

const settled = new Set(["performed", "resolved"])

export const tell = Effect.fnUntraced(function* (
  plan: Plan,
  where: { readonly url: Redacted.Redacted<string>; readonly world: World }
) {
  const { world } = where
  const place: Runner.Where = { url: where.url, worldPort: world.port, timings: plan.timings }
  const runners = new Map<string, Runner.Runner>()
  let names = 0
  const add = Effect.gen(function* () {
    const runner = yield* Runner.start(`runner-${(names += 1)}`, place)
    runners.set(runner.name, runner)
  })
  yield* Effect.all([add, add], { concurrency: 2 })

  const other = (name: string) => [...runners.values()].find((runner) => runner.name !== name)
  /** Asks the runners in turn until the change is settled, and both at once every other time. */
  const insist = Effect.fnUntraced(function* (parcel: string, leg: string, first: number) {
    for (let tries = first; ; tries++) {
      const all = [...runners.values()]
      const chosen = tries % 3 === 0 ? all : all.slice(tries % all.length, (tries % all.length) + 1)
      const heard = yield* Effect.forEach(chosen, (runner) => runner.ask(parcel, leg), {
        concurrency: "unbounded"
      })
      if (heard.some((one) => settled.has(one))) return
      yield* Effect.sleep(pauseMillis)
    }
  })

  const load = { isOver: false }
  let asked = 0
  const hot = Effect.forEach(
    Array.from({ length: hotParcels }, (_, index) => `hot-${index}`),
    Effect.fnUntraced(function* (parcel, index) {
      for (let leg = 0; !load.isOver; leg++) {
        asked += 1
        yield* insist(parcel, `leg-${leg}`, leg + index)
      }
    }),
    { concurrency: "unbounded", discard: true }
  )

  let rounds = 0
  const quiet = Array.from({ length: quietParcels }, (_, index) => `quiet-${index}`)
  const askQuiet = Effect.gen(function* () {
    rounds += 1
    asked += quietParcels
    yield* Effect.forEach(quiet, (parcel, index) => insist(parcel, `learn-${rounds}`, index), {
      concurrency: "unbounded",
      discard: true
    })
    const { owners } = yield* world.report
    return quiet.map((parcel) => owners[parcel] ?? "nobody")
  })
  /** Learns who hosts the quiet parcels, once that has come to rest and both runners host some. */
  const learn = Effect.gen(function* () {
    let before: ReadonlyArray<string> = []
    while (true) {
      const now = yield* askQuiet
      const isAtRest = now.every((owner, index) => owner === before[index])
      if (isAtRest && [...runners.keys()].every((name) => now.includes(name))) return
      before = now
      yield* Effect.sleep(restMillis)
    }
  })

  /** A runner in the middle of an effect. */
  const busy = Effect.gen(function* () {
    while (true) {
      const { running } = yield* world.report
      const [order] = running
      const runner = order && runners.get(order.runner)
      if (runner !== undefined) return runner
      yield* Effect.sleep(1)
    }
  })

  /** The time to the first answer of the survivor for a quiet parcel that the runner had hosted. */
  const takenOver = Effect.fnUntraced(function* (gone: string) {
    const { owners } = yield* world.report
    const parcels = Object.keys(owners).filter(
      (parcel) => parcel.startsWith("quiet") && owners[parcel] === gone
    )
    const survivor = other(gone)
    if (survivor === undefined || parcels.length === 0) return undefined
    const startedMillis = yield* Clock.currentTimeMillis
    const answers = parcels.map((parcel) => survivor.ask(parcel, `takeover-${rounds}`))
    yield* Effect.raceAll(answers)
    asked += parcels.length
    return ((yield* Clock.currentTimeMillis) - startedMillis) / 1_000
  })

  const loading = yield* Effect.forkScoped(hot)
  const failovers: Array<number> = []
  for (let kill = 0; kill < plan.kills; kill++) {
    yield* learn
    const runner = yield* busy
    yield* runner.kill
    const seconds = yield* takenOver(runner.name)
    if (seconds !== undefined) failovers.push(seconds)
    runners.delete(runner.name)
    yield* add
  }
  for (let freeze = 0; freeze < plan.freezes; freeze++) {
    yield* learn
    const runner = yield* busy
    yield* runner.stop
    // What it hosted is hosted by the other one meanwhile, beside it, as far as it knows.
    const waiting = yield* Effect.forkChild(takenOver(runner.name))
    yield* Effect.sleep(freezeMillis)
    yield* runner.go
    yield* Fiber.join(waiting)
  }
  load.isOver = true
  const unanswered = yield* Effect.as(Fiber.join(loading), 0).pipe(
    Effect.timeoutOrElse({ duration: "1 minute", orElse: () => Effect.succeed(hotParcels) })
  )
  const told: Told = { kills: plan.kills, freezes: plan.freezes, failovers, asked, unanswered }
  return told
})
