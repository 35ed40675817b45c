/**
 * What is told to those who ask while it turns out otherwise: a first attempt that happened after all, and a
 * refusal or a doubt that somebody has dealt with between the look and the answer.
 */
import { assert, describe } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { execute, ReceiptLog, Verdicts, Operator } from "fibric"
import { type Trouble } from "../support/ledgers.ts"
import { EmailRefused, notify, type Reached, succeed, type World } from "../support/orders.ts"
import { troubledStory } from "../support/troubled-story.ts"

const story = troubledStory()

const toAda = notify("1")
const toBob = notify("1", "shipped", { to: "bob@example.com" })
const noMailbox = Effect.fail(new EmailRefused({ reason: "no such mailbox" }))

const outcomes = Effect.gen(function* () {
  const log = yield* ReceiptLog
  return (yield* log.byKey(toAda.key)).map(({ attempt, outcome }) => `${outcome} ${attempt}`)
})

/** Ada's was sent and falls in doubt; released by name; Bob's is sent, and then Ada's turns out to have happened. */
const crossed = Effect.fnUntraced(function* (
  world: World,
  answerOfBob: (reached: Reached) => World["answer"]
) {
  const verdicts = yield* Verdicts
  const [late, gate] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
  world.answer = (reached) =>
    reached.payload.to === toBob.payload.to
      ? Effect.andThen(Deferred.await(gate), answerOfBob(reached)(reached))
      : Effect.andThen(Deferred.await(late), succeed(reached))
  const ada = yield* Effect.forkChild(Effect.flip(execute(toAda)), { startImmediately: true })
  yield* TestClock.adjust("21 seconds")
  assert.strictEqual((yield* Fiber.join(ada))._tag, "InDoubt")
  yield* verdicts
    .release(toAda.key, { attempt: 1, reason: "not in the outbox", force: true })
    .pipe(Operator.as("dana"))
  const bob = yield* Effect.forkChild(Effect.flip(execute(toBob)), { startImmediately: true })
  yield* world.started(2)
  yield* Deferred.succeed(late, undefined)
  yield* TestClock.adjust("1 second")
  yield* Deferred.succeed(gate, undefined)
  return yield* Fiber.join(bob)
})

describe("a key whose first attempt happened after all, while another payload is under way", () => {
  for (const [what, answer] of [
    ["refused", () => noMailbox],
    ["performed, too", succeed],
    ["lost", () => Effect.die("the wire broke")]
  ] as const) {
    story(`is a conflict for whoever asked for the other one, also where that was ${what}`, (world) =>
      Effect.gen(function* () {
        const conflict = yield* crossed(world, () => answer)
        const { receipt } = yield* execute(toAda)
        assert.deepInclude(conflict, { _tag: "KeyConflict", paths: ["/to"], wasCalled: true, receipt })
        assert.include(String(conflict), "A call was made for this one, too")
        assert.deepInclude(receipt, { outcome: "resolved", attempt: 1 })
        const again = yield* Effect.flip(execute(toBob))
        assert.deepInclude(again, { _tag: "KeyConflict", receipt, wasCalled: false })
        assert.strictEqual(world.calls.length, 2)
      })
    )
  }
})

/** What somebody does before the next statement, and not before those after it. */
const once = (trouble: Trouble, verdict: Effect.Effect<unknown, unknown>): Effect.Effect<void> =>
  Effect.andThen(
    Effect.sync(() => trouble.before.clear()),
    Effect.orDie(Effect.asVoid(verdict))
  )

describe("a repeat of what did not end well", () => {
  story(
    "is not answered with a refusal that is reopened before it is written down: it asks anew",
    (world, trouble) =>
      Effect.gen(function* () {
        const verdicts = yield* Verdicts
        world.answer = () => noMailbox
        yield* Effect.flip(execute(toAda))
        world.answer = succeed
        const look = yield* Deferred.make<void>()
        trouble.before.set("find", Deferred.await(look))
        const reopen = verdicts
          .reopen(toAda.key, { attempt: 1, reason: "the address was mended" })
          .pipe(Operator.as("dana"))
        trouble.before.set("record", once(trouble, reopen))
        const repeats = yield* Effect.forkChild(
          Effect.all([execute(toAda), execute(toAda)], { concurrency: "unbounded" }),
          { startImmediately: true }
        )
        yield* Deferred.succeed(look, undefined)
        yield* world.started(2)
        const [leader, joiner] = yield* Fiber.join(repeats)
        assert.strictEqual(leader.receipt.id, joiner.receipt.id)
        assert.deepStrictEqual(yield* outcomes, ["refused 1", "reopened 1", "performed 2", "joined 2"])
      })
  )

  story("is joined by whoever asks while it asks anew", (world, trouble) =>
    Effect.gen(function* () {
      const verdicts = yield* Verdicts
      world.answer = () => noMailbox
      yield* Effect.flip(execute(toAda))
      const gate = yield* Deferred.make<void>()
      world.answer = (reached) => Effect.andThen(Deferred.await(gate), succeed(reached))
      const reopen = verdicts
        .reopen(toAda.key, { attempt: 1, reason: "the address was mended" })
        .pipe(Operator.as("dana"))
      trouble.before.set("record", once(trouble, reopen))
      const first = yield* Effect.forkChild(execute(toAda), { startImmediately: true })
      yield* world.started(2)
      const looks = trouble.arrived.length
      const second = yield* Effect.forkChild(execute(toAda), { startImmediately: true })
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* Fiber.join(first)).receipt.id, (yield* Fiber.join(second)).receipt.id)
      assert.deepStrictEqual(trouble.arrived.slice(looks), ["settle", "record"])
      assert.deepStrictEqual(yield* outcomes, ["refused 1", "reopened 1", "performed 2", "joined 2"])
    })
  )

  story("is not told of a doubt that is resolved before it is written down", (world, trouble) =>
    Effect.gen(function* () {
      const verdicts = yield* Verdicts
      world.answer = () => Effect.die("the wire broke")
      yield* Effect.flip(execute(toAda))
      const resolve = verdicts
        .itHappened(toAda, { attempt: 1, reason: "it is in the outbox" })
        .pipe(Operator.as("dana"))
      trouble.before.set("record", once(trouble, resolve))
      const { receipt } = yield* execute(toAda)
      assert.strictEqual(receipt.outcome, "resolved")
      assert.deepStrictEqual(yield* outcomes, ["in_doubt 1", "resolved 1", "deduplicated 1"])
    })
  )
})
