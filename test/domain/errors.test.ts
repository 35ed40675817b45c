/**
 * What a person reads when something is refused: each message has the values, says what it means for
 * the world outside, and what to do.
 */
import { assert, describe, it } from "@effect/vitest"
import { DateTime } from "effect"
import * as Fibric from "fibric"

const at = DateTime.makeUnsafe("2026-01-02T03:04:05.678Z")

const receipt = new Fibric.Receipt({
  id: "0190abcd-ef12-7000-8000-000000000001",
  at,
  outcome: "performed",
  operator: "shipping",
  capability: "notify",
  key: "notify:order-4471:shipped",
  entity: { type: "order", id: "4471" },
  attempt: 1,
  count: 1,
  refersTo: null,
  durationMillis: 12,
  proof: null,
  reason: null,
  body: null,
  checkAfter: null
})

const key = "notify:order-4471:shipped"

/** Every error, with the message that it must have. */
const messages: ReadonlyArray<readonly [Error & { readonly _tag: string }, string]> = [
  [
    new Fibric.InvalidKey({ part: "entity id", problem: "empty", sentence: "is empty" }),
    "The key's entity id is empty. Nothing was performed; give it a value that can name one change for ever."
  ],
  [
    new Fibric.InvalidOperator({ sentence: "is longer than 128 characters" }),
    `The operator's name is longer than 128 characters. Nothing was performed; name who acts with Operator.as("…").`
  ],
  [
    new Fibric.InvalidPayload({ capability: "notify", problem: "does_not_fit", detail: "Missing key at to" }),
    `The payload for "notify" was not accepted: Missing key at to. Nothing was performed; mend the payload and ask again.`
  ],
  [
    new Fibric.KeyConflict({ key, paths: ["/to", "/sender/id"], receipt }),
    `"${key}" already names another action (receipt ${receipt.id}, performed): the payloads differ at /to, /sender/id. Nothing was performed; a different change needs a different occasion.`
  ],
  [
    new Fibric.KeyConflict({ key, paths: ["/to"], receipt: null }),
    `"${key}" already names another action: the payloads differ at /to. Nothing was performed; a different change needs a different occasion.`
  ],
  [
    new Fibric.KeyConflict({ key, paths: ["/to"], receipt, wasCalled: true }),
    `"${key}" already names another action (receipt ${receipt.id}, performed): the payloads differ at /to. A call was made for this one, too, and did not settle the key (fibric doubt show says what is known of it); a different change needs a different occasion.`
  ],
  [
    new Fibric.InDoubt({
      key,
      attempt: 2,
      since: at,
      reason: "no answer within 20000 ms",
      checkAfter: at,
      receipt
    }),
    `"${key}" is in doubt since 2026-01-02T03:04:05.678Z (no answer within 20000 ms). It may have happened, and asking does not send it again. Look again after 2026-01-02T03:04:05.678Z; whoever knows what became of it records a verdict (fibric doubt resolve, or Verdicts).`
  ],
  [
    new Fibric.InDoubt({ key, attempt: 2, since: at, reason: "a reset", checkAfter: null, receipt }),
    `"${key}" is in doubt since 2026-01-02T03:04:05.678Z (a reset). It may have happened, and asking does not send it again. Look again later; whoever knows what became of it records a verdict (fibric doubt resolve, or Verdicts).`
  ],
  [
    new Fibric.InProgress({ key, waitedMillis: 5_000, checkAfter: at }),
    `"${key}" is still under way after 5000 ms. It goes on; ask for its receipt later, or for the same action again: it is not sent twice.`
  ],
  [
    new Fibric.Abandoned({ key, receipt }),
    `"${key}" was abandoned by shipping (receipt ${receipt.id}). It will not be performed; a different change needs a different occasion.`
  ],
  [
    new Fibric.InsideTransaction({ key }),
    `"${key}" was asked for inside an open database transaction, whose rollback could not take it back. Nothing was performed; execute it after the commit, or propose it through the outbox, with Outbox.propose inside the transaction.`
  ],
  [
    new Fibric.VerdictTooEarly({ key, attempt: 1, notBefore: at }),
    `No verdict was recorded: the request of "${key}", attempt 1, may still be on its way. Decide after 2026-01-02T03:04:05.678Z, or with force.`
  ],
  [
    new Fibric.VerdictUnsigned({ key, attempt: 1, missing: "name" }),
    `No verdict was recorded: the one on "${key}", attempt 1, has no name. Name who says so with Operator.as("…").`
  ],
  [
    new Fibric.VerdictUnsigned({ key, attempt: 1, missing: "reason" }),
    `No verdict was recorded: the one on "${key}", attempt 1, has no reason. Say how you know it.`
  ],
  [
    new Fibric.UnknownKey({ key }),
    `Nothing was ever claimed under "${key}", and nothing is under way here. Execute the action first.`
  ],
  [
    new Fibric.LaneHeld({
      key: "notify:order-4471:packed",
      entity: "order-4471",
      heldBy: key,
      since: at,
      checkAfter: null
    }),
    `"notify:order-4471:packed" was not performed: "${key}" is in doubt since 2026-01-02T03:04:05.678Z and holds order-4471. Settle that first, then ask again.`
  ],
  [
    new Fibric.LaneBusy({ key, entity: "order-4471" }),
    `"${key}" was not performed: another action for order-4471 is in flight, and this one does not wait. Ask again later.`
  ],
  [
    new Fibric.Superseded({ key, reason: "the order was cancelled", version: 3 }),
    `"${key}" is not wanted any more: the order was cancelled. Nothing was performed and the key is not spent; decide anew from the state as it is.`
  ],
  [
    new Fibric.GuardFailed({ key, reason: "its guard gave no answer within 5000 ms" }),
    `Whether "${key}" is still wanted could not be found out: its guard gave no answer within 5000 ms. Nothing was performed; mend the cause and ask again.`
  ],
  [
    new Fibric.StateUnreadable({ entity: "order-4471", reason: "it has shape 2" }),
    "The state of order-4471 can't be read: it has shape 2. Nothing was changed; start the version that wrote it, or declare the shape that it has."
  ],
  [
    new Fibric.WouldDeadlock({ key, entity: "order-4471", inside: "charge:order-4471:once" }),
    `"${key}" was asked for while charge:order-4471:once is in flight, and order-4471 waits for that: neither would ever end. Nothing was performed; ask from outside, or do both in one program.`
  ],
  [
    new Fibric.Unfinished({ key, reason: "the shop is on fire", receipt }),
    `The program "${key}" stopped before its end: the shop is on fire. What its steps settled stands; ask for it again, and it does the rest.`
  ],
  [
    new Fibric.Saturated({ key, entity: "order-4471", capacity: 1_024 }),
    `"${key}" was not performed: 1024 actions already wait for order-4471. Ask again later.`
  ],
  [
    new Fibric.Expired({ key, waitedMillis: 60_001 }),
    `"${key}" was not performed: it waited 60001 ms for its turn, longer than it is valid. Propose it again if it is still wanted.`
  ],
  [
    new Fibric.NotPerformed({ proof: "never_sent", reason: "connection refused" }),
    "Nothing was performed (never_sent): connection refused. The key is free; ask again when the cause is gone."
  ],
  [new Fibric.OutcomeUnknown({ reason: "the line went dead" }), "The outcome is unknown: the line went dead"],
  [
    new Fibric.LedgerUnavailable({ operation: "claim", reason: "ConnectionError: connect ECONNREFUSED" }),
    `The ledger did not confirm "claim": ConnectionError: connect ECONNREFUSED. Nothing is sent without its word; ask again when it is back.`
  ],
  [
    new Fibric.StoredRefusalUnreadable({ key, receipt }),
    `"${key}" was refused (receipt ${receipt.id}), and the stored refusal was purged, as everything stored is after its time. Nothing was performed now; the receipt still says when and by whom.`
  ],
  [
    new Fibric.StoredRefusalUnreadable({ key, receipt: new Fibric.Receipt({ ...receipt, body: "{}" }) }),
    `"${key}" was refused (receipt ${receipt.id}), and the stored refusal no longer fits the capability's error schema. Nothing was performed now; keep the schema able to read what it once wrote.`
  ],
  [
    new Fibric.ShuttingDown({ underWay: false }),
    "fibric is shutting down and takes no new actions. Nothing was performed; ask another process."
  ],
  [
    new Fibric.ShuttingDown({ underWay: true }),
    "fibric is shutting down while this action was under way: it may happen. Ask another process for the same action; it will not be sent twice."
  ],
  [
    new Fibric.StartRefused({ problem: "unreachable", sentence: "Postgres is not there. Start it." }),
    "Postgres is not there. Start it."
  ],
  [
    new Fibric.CursorUnusable({ problem: "malformed" }),
    "This is no cursor of this ledger. Nothing was read; give the one that the page or the stream gave before, or none to begin anew."
  ],
  [
    new Fibric.CursorUnusable({ problem: "folded" }),
    "Repeats around this cursor were folded into one receipt since it was given, and some of them were read before. Nothing was read; begin anew, or from an earlier cursor, and count what you have from there on once."
  ],
  [
    new Fibric.OutboxFull({ entity: "order-4471", capacity: 10_000 }),
    "Nothing was proposed: 10000 actions of order-4471 wait in the outbox already. Look at what holds the first of them, or propose again later."
  ],
  [
    new Fibric.CursorMoved({ operator: "ada", source: "orders" }),
    `"ada" has read "orders" further in another process. Nothing was proposed; read on from its cursor.`
  ],
  [
    new Fibric.NotStorable({ capability: "notify", problem: `its "stores" leaves out text` }),
    `Nothing was proposed: an action that waits has to be stored, and "notify" does not allow it: its "stores" leaves out text. Name the fields in "stores" where they may be stored, give secrets to the connector and not to the payload, or execute the action after the commit.`
  ],
  [
    new Fibric.VerdictRefused({ key, attempt: 2, found: "done, attempt 2" }),
    `No verdict was recorded: it does not fit "${key}" on attempt 2 (found: done, attempt 2). Look at it again before deciding.`
  ],
  [
    new Fibric.NotStoppedThere({ operator: "tell-shipped", source: "orders", cursor: "812" }),
    '"tell-shipped" does not stand at the event with the cursor 812 of "orders". Nothing was skipped; its latest fibric.operator.stopped names the event that it stands at, if any.'
  ]
]

describe("an error's message", () => {
  for (const [error, message] of messages) {
    it(`of ${error._tag} has the values and says what to do: ${message.slice(0, 50)}…`, () => {
      assert.strictEqual(error.message, message)
      assert.instanceOf(error, Error)
      assert.strictEqual(error.name, error._tag)
    })
  }

  it("is checked here for every error that is public", () => {
    const exported = Object.entries(Fibric)
      .filter(([, value]) => typeof value === "function" && value.prototype instanceof Error)
      .map(([name]) => name)
    const checked = new Set(messages.map(([error]) => error._tag))
    assert.deepStrictEqual(exported.toSorted(), [...checked].toSorted())
  })
})
