/**
 * Fleet: the worker processes. Each place is filled again as soon as whoever had it has died; what was
 * asked of it and not answered is known.
 */
import { Clock, Deferred, Effect, FiberSet, type Redacted, Schema } from "effect"
import { rolldown } from "rolldown"
import { fileURLToPath, pathToFileURL } from "node:url"
import { join } from "node:path"
import * as Child from "../harness/Child.ts"
import type { OutsideWorld } from "./OutsideWorld.ts"
import { AnswerLine, labelOf, type Wish } from "./Wish.ts"

/** One asking, and what became of it. */
export interface Asked extends Wish {
  readonly key: string
  readonly worker: string
  answer: { readonly answer: string; readonly receipt: string | null } | undefined
  /** Whoever was asked has died without an answer. */
  died: boolean
}

export type Standing = "starting" | "ready" | "stopped" | "dead"

interface Hand {
  readonly name: string
  readonly child: Child.Child
  readonly asked: Map<number, { readonly asked: Asked; readonly done: Deferred.Deferred<Asked> }>
  standing: Standing
  killed: boolean
}

export interface Fleet {
  readonly places: number
  /** Who of them can be asked; those who are stopped hear of it later. */
  readonly askable: () => ReadonlyArray<number>
  /** Asks whoever has the place; `ended` resolves when it has answered or died. */
  readonly ask: (
    place: number,
    wish: Omit<Wish, "n">
  ) => Effect.Effect<{ readonly ended: Effect.Effect<Asked> }>
  /** Kills whoever has the place and is not stopped; whether there was one. */
  readonly kill: (place: number) => Effect.Effect<boolean>
  /** Stops it for so long and lets it go on; whether there was one. */
  readonly stop: (place: number, millis: number) => Effect.Effect<boolean>
  /** Everything that was asked. */
  readonly log: ReadonlyArray<Asked>
  /** Workers that ended by themselves after they had been ready. */
  readonly crashed: () => number
  readonly started: () => number
}

/** The worker as one file: it starts five times sooner than its modules one by one. */
export const bundle = (folder: string) =>
  Effect.promise(async () => {
    const bundle = await rolldown({
      input: fileURLToPath(new URL("./worker.ts", import.meta.url)),
      platform: "node",
      resolve: { conditionNames: ["fibric-source", "import", "node", "default"] },
      logLevel: "silent"
    })
    const file = join(folder, "worker.mjs")
    await bundle.write({ file, format: "esm", codeSplitting: false })
    await bundle.close()
    return pathToFileURL(file)
  })

export interface Options {
  readonly places: number
  readonly program: URL
  readonly world: OutsideWorld
  /** Where the workers find the ledger. */
  readonly url: () => Redacted.Redacted<string>
  readonly compiled: Redacted.Redacted<string>
  /** Whether a pooler is between, for whom statements must not be prepared. */
  readonly isPooled: boolean
  /** What else stands in the environment of the so-manieth worker. */
  readonly environment: (number: number) => Readonly<Record<string, Redacted.Redacted<string>>>
}

/** Starts as many workers as there are places, and keeps the places filled for as long as the scope lives. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { compiled, places, program, url, world } = options
  const hands: Array<Hand | undefined> = Array.from({ length: places })
  const log: Array<Asked> = []
  const counts = { started: 0, crashed: 0, asked: 0 }

  const life = Effect.fnUntraced(function* (place: number) {
    const number = (counts.started += 1)
    const name = `w${number}`
    const child = yield* Child.start(program, [name, `${world.port}`, String(options.isPooled)], {
      ...options.environment(number),
      DATABASE_URL: url(),
      NODE_COMPILE_CACHE: compiled
    })
    const hand: Hand = { name, child, asked: new Map(), standing: "starting", killed: false }
    hands[place] = hand
    for (let line = yield* child.nextLine; line !== undefined; line = yield* child.nextLine) {
      if (line === "ready") hand.standing = "ready"
      else yield* heard(hand, line)
    }
    const wasReady = hand.standing !== "starting"
    hand.standing = "dead"
    if (wasReady && !hand.killed) counts.crashed += 1
    for (const { asked, done } of hand.asked.values()) {
      asked.died = true
      Deferred.doneUnsafe(done, Effect.succeed(asked))
    }
    // It could not start: its database is on its way back.
    if (!wasReady) yield* Effect.sleep(100)
  }, Effect.scoped)

  const heard = Effect.fnUntraced(function* (hand: Hand, line: string) {
    // The last line of a process that was killed may be a part of one.
    const said = yield* Effect.option(Schema.decodeEffect(AnswerLine)(line))
    const waiting = said._tag === "Some" ? hand.asked.get(said.value.n) : undefined
    if (said._tag === "None" || waiting === undefined) return
    waiting.asked.answer = { answer: said.value.answer, receipt: said.value.receipt }
    hand.asked.delete(said.value.n)
    Deferred.doneUnsafe(waiting.done, Effect.succeed(waiting.asked))
  })

  yield* FiberSet.makeRuntime().pipe(
    Effect.tap((run) =>
      Effect.sync(() => {
        for (let place = 0; place < places; place++) run(Effect.forever(life(place)))
      })
    )
  )

  const isAskable = (hand: Hand | undefined): hand is Hand =>
    hand !== undefined && (hand.standing === "ready" || hand.standing === "stopped")

  const fleet: Fleet = {
    places,
    log,
    askable: () => hands.flatMap((hand, place) => (isAskable(hand) ? [place] : [])),
    ask: Effect.fnUntraced(function* (place, change) {
      const hand = hands[place]
      const wish: Wish = { ...change, n: (counts.asked += 1) }
      const asked: Asked = {
        ...wish,
        key: labelOf(wish),
        worker: hand?.name ?? "nobody",
        answer: undefined,
        died: !isAskable(hand)
      }
      log.push(asked)
      if (!isAskable(hand)) return { ended: Effect.succeed(asked) }
      const done = Deferred.makeUnsafe<Asked>()
      hand.asked.set(wish.n, { asked, done })
      yield* hand.child.say(JSON.stringify(wish))
      return { ended: Deferred.await(done) }
    }),
    kill: Effect.fnUntraced(function* (place) {
      const hand = hands[place]
      if (hand?.standing !== "ready") return false
      hand.killed = true
      hand.standing = "dead"
      yield* hand.child.signal("SIGKILL")
      return true
    }),
    stop: Effect.fnUntraced(function* (place, millis) {
      const hand = hands[place]
      if (hand?.standing !== "ready") return false
      hand.standing = "stopped"
      yield* hand.child.signal("SIGSTOP")
      yield* Effect.ensuring(
        Effect.sleep(millis),
        Effect.suspend(() => {
          if (hand.standing === "stopped") hand.standing = "ready"
          return hand.child.signal("SIGCONT")
        })
      )
      return true
    }),
    crashed: () => counts.crashed,
    started: () => counts.started
  }
  return fleet
})

/** Waits until every place is filled with somebody who can be asked. */
export const complete = (fleet: Fleet): Effect.Effect<void> =>
  Effect.gen(function* () {
    const startedNanos = yield* Clock.monotonicTimeNanos
    while (fleet.askable().length < fleet.places) {
      yield* Effect.sleep(50)
      if ((yield* Clock.monotonicTimeNanos) - startedNanos > 30_000_000_000n) return
    }
  })
