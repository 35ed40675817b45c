/**
 * A worker that is frozen past its lease (SIGSTOP) while another one meets its key, and then goes on
 * (SIGCONT) as if no time had passed.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Option, Queue, type Scope, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { execute, type IdempotencyKey, Operator, ReceiptLog, receiptOf, Settings } from "fibric"
import { layer as layerPostgres } from "fibric/postgres"
import { fileURLToPath } from "node:url"
import { eventually } from "../support/asker.ts"
import { layerFreshClient } from "../support/database.ts"
import { createWorld, layerLetters, letters, sentLetters, type Verb } from "./fixtures/letters.ts"
import { fault } from "../support/fault.ts"

const script = fileURLToPath(new URL("./fixtures/sleeper.ts", import.meta.url))

/** Starts a worker that is asked for a letter and stops itself. It is stopped when this returns. */
const freeze = Effect.fnUntraced(function* (verb: Verb, when: "before" | "after") {
  const { config } = yield* PgClient.PgClient
  const child = yield* ChildProcess.make(
    process.execPath,
    ["--conditions=fibric-source", script, verb, when],
    { env: { DATABASE_URL: config.url }, extendEnv: true, stderr: "inherit", killSignal: "SIGKILL" }
  )
  const lines = yield* child.stdout.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.toQueue({ capacity: 4 })
  )
  assert.strictEqual(yield* Queue.take(lines), "stopped")
  return {
    /** SIGCONT. What the request that was frozen is answered with. */
    wake: Effect.andThen(
      Effect.sync(() => process.kill(child.pid, "SIGCONT")),
      Queue.take(lines)
    )
  }
})

/** The second worker: this process. */
const layerSecond = layerLetters().pipe(
  Layer.provideMerge(layerPostgres),
  Layer.provideMerge(Layer.effectDiscard(Effect.flatMap(PgClient.PgClient, createWorld))),
  Layer.provideMerge(layerFreshClient),
  Layer.provideMerge(NodeServices.layer),
  Layer.provide(
    Settings.layer({
      leaseMillis: 5_000,
      beatMillis: 500,
      reapMillis: 100,
      recoverMillis: 100,
      drainMillis: 0
    })
  )
)

const story = (
  sentence: string,
  body: Effect.Effect<void, unknown, Layer.Success<typeof layerSecond> | Scope.Scope>
) =>
  it.live(sentence, () =>
    body.pipe(
      Operator.as("second"),
      Effect.scoped,
      Effect.provide(Layer.provideMerge(layerSecond, Logger.layer([])))
    )
  )

/** A key's receipts in order, each with its proof where it has one. */
const receiptsOf = Effect.fnUntraced(function* (key: IdempotencyKey.IdempotencyKey) {
  const log = yield* ReceiptLog
  return (yield* log.byKey(key)).map(({ outcome, proof }) =>
    proof === null ? outcome : `${outcome} ${proof}`
  )
})

/** The receipt of a key that stands as performed, once it does. */
const performedOf = (key: IdempotencyKey.IdempotencyKey) =>
  Effect.map(receiptOf(key), (found) =>
    Option.getOrUndefined(Option.filter(found, ({ outcome }) => outcome === "performed"))
  )

describe("a worker frozen past its lease, its letter sent", () => {
  story(
    `${fault("stopped after sending")} leaves a doubt to the second one, and settles it when it wakes: one letter, one receipt`,
    Effect.gen(function* () {
      const { wake } = yield* freeze("post", "after")
      const doubt = yield* Effect.flip(execute(letters.post))
      assert.strictEqual(doubt._tag, "InDoubt")
      assert.deepStrictEqual(yield* sentLetters, [1])

      const answered = yield* wake
      const { output, receipt } = yield* execute(letters.post)
      assert.strictEqual(receipt.id, answered)
      assert.strictEqual(receipt.outcome, "resolved")
      assert.deepStrictEqual(output, Option.some({ letter: 1 }))
      assert.deepStrictEqual(yield* sentLetters, [1])
      assert.deepStrictEqual(yield* receiptsOf(letters.post.key), [
        "in_doubt",
        "joined",
        "resolved",
        "deduplicated"
      ])
    })
  )

  story(
    `${fault("stopped after sending")} finds its letter resent where the provider recognises keys: asked for twice, sent once`,
    Effect.gen(function* () {
      const { wake } = yield* freeze("repost", "after")
      const performed = yield* eventually(performedOf(letters.repost.key))
      assert.strictEqual(performed.attempt, 2)
      assert.deepStrictEqual(yield* sentLetters, [2])

      assert.strictEqual(yield* wake, performed.id)
      assert.deepStrictEqual(yield* sentLetters, [2])
      assert.deepStrictEqual(yield* receiptsOf(letters.repost.key), ["in_doubt", "performed"])
    })
  )

  story(
    `${fault("stopped after sending")} has lost its transaction, and the second one's is the only one: one row, never a doubt`,
    Effect.gen(function* () {
      const { wake } = yield* freeze("book", "after")
      const { receipt } = yield* execute(letters.book)
      assert.strictEqual(receipt.attempt, 2)
      assert.deepStrictEqual(yield* sentLetters, [1])

      assert.strictEqual(yield* wake, receipt.id)
      assert.deepStrictEqual(yield* sentLetters, [1])
      assert.deepStrictEqual((yield* receiptsOf(letters.book.key)).slice(0, 2), [
        "released rolled_back",
        "performed"
      ])
    })
  )
})

describe("a worker frozen past its lease, its letter not sent", () => {
  story(
    `${fault("stopped before sending")} never starts when it wakes, which frees the key`,
    Effect.gen(function* () {
      const { wake } = yield* freeze("post", "before")
      assert.strictEqual((yield* Effect.flip(execute(letters.post)))._tag, "InDoubt")

      assert.strictEqual(yield* wake, "NotPerformed")
      assert.deepStrictEqual(yield* sentLetters, [])
      assert.deepStrictEqual(yield* receiptsOf(letters.post.key), [
        "in_doubt",
        "joined",
        "released never_started"
      ])

      const { receipt } = yield* execute(letters.post)
      assert.deepStrictEqual([receipt.outcome, receipt.attempt], ["performed", 2])
      assert.deepStrictEqual(yield* sentLetters, [1])
    })
  )

  story(
    `${fault("stopped before sending")} does not send it beside the resend of the second one`,
    Effect.gen(function* () {
      const { wake } = yield* freeze("repost", "before")
      const performed = yield* eventually(performedOf(letters.repost.key))
      assert.strictEqual(yield* wake, performed.id)
      assert.deepStrictEqual(yield* sentLetters, [1])
    })
  )
})
