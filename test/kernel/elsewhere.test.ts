/**
 * What is under way in another process: two runtimes over one ledger, in memory.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { execute, NotPerformed, ReceiptLog } from "fibric"
import * as LedgerMemory from "../../src/kernel/LedgerMemory.ts"
import * as Runtime from "../../src/kernel/Runtime.ts"
import * as Settings from "../../src/kernel/Settings.ts"
import { EmailRefused, makeWorld, notify, over, succeed, type World } from "../support/orders.ts"

const asked = notify("1")

/** Asks here while the other process has it under way, and ends it there; what both were told. */
const joined = Effect.fnUntraced(function* (end: World["answer"]) {
  const ledger = yield* Layer.build(LedgerMemory.layer)
  const process = Effect.gen(function* () {
    const { layer, world } = makeWorld()
    const kernel = Layer.fresh(Runtime.layer).pipe(
      Layer.provideMerge(Layer.succeedContext(ledger)),
      Layer.provide(Settings.layer({ drainMillis: 0 }))
    )
    const context = yield* Layer.build(over(layer, kernel))
    const ask = Effect.match(Effect.provideContext(execute(asked), context), {
      onSuccess: ({ receipt }) => receipt.outcome as string,
      onFailure: ({ _tag }) => _tag as string
    })
    return { context, world, start: Effect.forkChild(ask, { startImmediately: true }) }
  })
  const [there, here] = [yield* process, yield* process]
  const gate = yield* Deferred.make<void>()
  there.world.answer = (reached) => Effect.andThen(Deferred.await(gate), end(reached))
  const leading = yield* there.start
  yield* there.world.started(1)
  const joining = yield* here.start
  yield* TestClock.adjust("1 second")
  yield* Deferred.succeed(gate, undefined)
  yield* TestClock.adjust("10 seconds")
  const told = [yield* Fiber.join(leading), yield* Fiber.join(joining)]
  assert.strictEqual(here.world.calls.length, 0)
  const log = yield* Effect.provideContext(ReceiptLog, here.context)
  return { told, totals: yield* log.totals() }
})

describe("whoever asks for what another process has under way", () => {
  for (const [what, end, tag, outcome] of [
    ["performed", succeed, "performed", "performed"],
    [
      "refused",
      () => Effect.fail(new EmailRefused({ reason: "no such mailbox" })),
      "EmailRefused",
      "refused"
    ],
    [
      "proven not performed",
      () => Effect.fail(new NotPerformed({ proof: "provider_denies", reason: "busy" })),
      "NotPerformed",
      "released"
    ],
    ["in doubt", () => Effect.die("the line broke"), "InDoubt", "in_doubt"]
  ] as const) {
    it.effect(`shares its end where it is ${what}, and calls nobody`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* joined(end), {
          told: [tag, tag],
          totals: { [outcome]: 1, joined: 1 }
        })
      }).pipe(Effect.scoped)
    )
  }
})
