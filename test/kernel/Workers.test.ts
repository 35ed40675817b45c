import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Ledger } from "../../src/kernel/Ledger.ts"
import * as LedgerMemory from "../../src/kernel/LedgerMemory.ts"
import * as Settings from "../../src/kernel/Settings.ts"
import * as Workers from "../../src/kernel/Workers.ts"
import { claimed, keyOf } from "../contracts/keys.ts"
import { fault } from "../support/fault.ts"
import { layerTroubled, makeTrouble } from "../support/ledgers.ts"

const layer = Layer.provideMerge(Workers.layer, LedgerMemory.layer)

/** An attempt that was claimed just now, in the name of the given incarnation. */
const attemptOf = (worker: string) =>
  Effect.map(Clock.monotonicTimeNanos, (claimSentNanos) => ({
    worker,
    claimSentNanos,
    doubtAfterMillis: 60_000,
    startWithinMillis: Infinity
  }))

describe("a worker", () => {
  it.effect("keeps its incarnation while its heartbeats arrive", () =>
    Effect.gen(function* () {
      const workers = yield* Workers.Workers
      const before = yield* workers.incarnation
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* workers.incarnation, before)
      assert.isTrue(yield* workers.mayStart(yield* attemptOf(before)))
    }).pipe(Effect.provide(layer))
  )

  it.effect("says that it is alive often enough for its lease, whatever it was told", () =>
    Effect.gen(function* () {
      const workers = yield* Workers.Workers
      const before = yield* workers.incarnation
      for (let second = 0; second < 12; second++) {
        yield* TestClock.adjust("1 second")
        assert.isTrue(yield* workers.mayStart(yield* attemptOf(before)))
      }
    }).pipe(
      Effect.provide(layer.pipe(Layer.provide(Settings.layer({ leaseMillis: 6_000, beatMillis: 60_000 }))))
    )
  )

  it.effect("whose lease ran out takes one new incarnation, however many find out at once", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const workers = yield* Workers.Workers
      const expired = yield* workers.incarnation
      yield* ledger.beat(expired, -1)
      yield* Effect.all([workers.renew(expired), workers.renew(expired), workers.renew(expired)], {
        concurrency: "unbounded"
      })
      const next = yield* workers.incarnation
      assert.notStrictEqual(next, expired)
      yield* workers.renew(expired)
      assert.strictEqual(yield* workers.incarnation, next)
      assert.isTrue(yield* ledger.beat(next, 60_000))
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    `${fault("stopped before sending")} does not start a call that was claimed under an incarnation that has died`,
    () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const workers = yield* Workers.Workers
        const expired = yield* workers.incarnation
        const attempt = yield* attemptOf(expired)
        assert.isTrue(yield* workers.mayStart(attempt))
        yield* ledger.beat(expired, -1)
        yield* workers.renew(expired)
        assert.isFalse(yield* workers.mayStart(attempt))
        assert.isTrue(yield* workers.mayStart(yield* attemptOf(yield* workers.incarnation)))
      }).pipe(Effect.provide(layer))
  )

  it.effect("counts its lease from when the heartbeat was sent, however late that is answered", () => {
    let slow: Effect.Effect<void> = Effect.void
    const slowly = Layer.effect(
      Ledger,
      Effect.map(Ledger, (ledger) =>
        Ledger.of({
          ...ledger,
          beat: (worker, leaseMillis) => Effect.tap(ledger.beat(worker, leaseMillis), () => slow)
        })
      )
    ).pipe(Layer.provideMerge(LedgerMemory.layer))
    return Effect.gen(function* () {
      const workers = yield* Workers.Workers
      const worker = yield* workers.incarnation
      yield* TestClock.adjust("1 second")
      // Sent after 5 seconds, and answered after 25.
      slow = Effect.sleep("20 seconds")
      yield* TestClock.adjust("25 seconds")
      assert.isTrue(yield* workers.mayStart(yield* attemptOf(worker)))
      yield* TestClock.adjust("4 seconds")
      assert.isFalse(yield* workers.mayStart(yield* attemptOf(worker)))
    }).pipe(Effect.provide(Workers.layer.pipe(Layer.provide(slowly))))
  })

  it.effect("does not start a call when its claim is nearly as old as its doubt", () =>
    Effect.gen(function* () {
      const workers = yield* Workers.Workers
      const attempt = yield* attemptOf(yield* workers.incarnation)
      yield* TestClock.adjust("47 seconds")
      assert.isTrue(yield* workers.mayStart(attempt))
      yield* TestClock.adjust("2 seconds")
      assert.isFalse(yield* workers.mayStart(attempt))
    }).pipe(Effect.provide(layer))
  )

  it.effect("does not start a resend when its claim is nearly as old as the window's margin", () =>
    Effect.gen(function* () {
      const workers = yield* Workers.Workers
      const attempt = { ...(yield* attemptOf(yield* workers.incarnation)), startWithinMillis: 10_000 }
      yield* TestClock.adjust("7 seconds")
      assert.isTrue(yield* workers.mayStart(attempt))
      yield* TestClock.adjust("2 seconds")
      assert.isFalse(yield* workers.mayStart(attempt))
    }).pipe(Effect.provide(layer))
  )

  it.effect("goes on looking for silent rows after a look that ended in a bug", () => {
    const trouble = makeTrouble()
    return Effect.gen(function* () {
      const ledger = yield* Ledger
      yield* Workers.Workers
      trouble.before.set("reap", Effect.die("a row that does not fit"))
      yield* TestClock.adjust("1 minute")
      trouble.before.clear()
      const silent = yield* claimed(keyOf("1"), { doubtAfterMillis: -1 })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* ledger.find(silent.key))?.state, "in_doubt")
    }).pipe(Effect.provide(Layer.provideMerge(Workers.layer, layerTroubled(trouble))))
  })
})
