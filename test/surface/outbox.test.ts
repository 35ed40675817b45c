/**
 * `fibric outbox`: what a person is shown of what waits, and what they do with what could not be delivered.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Layer, type Redacted } from "effect"
import { Outbox } from "fibric"
import type { Proposal } from "../../src/kernel/Outbox.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgOutbox from "../../src/postgres/PgOutbox.ts"
import { onDatabase } from "../postgres/support.ts"
import { ledgerDatabase } from "../support/database.ts"
import { type Told, typed } from "./support.ts"

const withOutbox = <A, E>(use: (url: Redacted.Redacted<string>) => Effect.Effect<A, E, Outbox.Outbox>) =>
  Effect.gen(function* () {
    const { url } = yield* ledgerDatabase
    const outbox = PgOutbox.layer.pipe(
      Layer.provide(LedgerClient.layer),
      Layer.provide(PgClient.layer({ url, maxConnections: 1 }))
    )
    return yield* Effect.provide(use(url), outbox)
  }).pipe(Effect.scoped)

const proposal = (id: string, what: string): Proposal => ({
  capability: "notify",
  entity: { type: "order", id },
  payload: { what },
  decidedAt: undefined,
  operator: "shipping",
  dueAt: undefined
})

/** Two entities that wait, the first one in doubt, and a dead letter of a third. */
const story = Effect.gen(function* () {
  const outbox = yield* Outbox.Outbox
  yield* outbox.put([proposal("1", "a"), proposal("1", "b")])
  yield* outbox.put([proposal("2", "c")])
  const [dead = 0n] = yield* outbox.put([proposal("3", "d")])
  const taken = yield* outbox.take(["notify"], 10, 60_000)
  yield* outbox.deliver(
    taken.map((row) => ({
      taken: row,
      delivered:
        row.entity.id === "3"
          ? { _tag: "Bury", reason: "it does not fit\u001b[2J" }
          : { _tag: "Again", afterMillis: 60_000, reason: `${row.entity.id} is in doubt` }
    }))
  )
  return String(dead)
})

const document = ({ exitCode, stderr, stdout }: Told): unknown => {
  assert.deepStrictEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" })
  return JSON.parse(stdout)
}

describe("fibric outbox", () => {
  it.live("says that nothing waits and nothing is dead, and prints no element", () =>
    withOutbox((url) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* typed(url, "outbox", "list")).stdout, "Nothing waits in the outbox.\n")
        assert.strictEqual((yield* typed(url, "outbox", "dead")).stdout, "There are no dead letters.\n")
        assert.deepStrictEqual(document(yield* typed(url, "outbox", "list", "--json")), [])
        assert.deepStrictEqual(document(yield* typed(url, "outbox", "dead", "--json")), [])
      })
    )
  )

  it.live("list shows each entity whose actions wait, the oldest first, with why", () =>
    withOutbox((url) =>
      Effect.gen(function* () {
        yield* story
        const listed = document(yield* typed(url, "outbox", "list", "--json"))
        assert.isArray(listed)
        // What an element is, the comparison says.
        const rows = listed as ReadonlyArray<{ readonly oldestAt: string; readonly ageMillis: number }>
        assert.deepStrictEqual(
          rows.map(({ ageMillis, oldestAt, ...rest }) => {
            assert.isTrue(Number.isInteger(ageMillis) && ageMillis >= 0)
            assert.isTrue(DateTime.makeUnsafe(oldestAt).epochMilliseconds > 0)
            return rest
          }),
          [
            { entity: { type: "order", id: "1" }, waiting: 2, reason: "1 is in doubt" },
            { entity: { type: "order", id: "2" }, waiting: 1, reason: "2 is in doubt" }
          ]
        )
        const [head = "", row = "", more] = (yield* typed(
          url,
          "outbox",
          "list",
          "--limit",
          "1"
        )).stdout.split("\n")
        assert.deepStrictEqual(head.split(/ {2,}/), ["ENTITY", "WAITING", "OLDEST", "AGE", "REASON"])
        const [entity, waiting, , , reason] = row.split(/ {2,}/)
        assert.deepStrictEqual([entity, waiting, reason], ["order-1", "2", "1 is in doubt"])
        assert.strictEqual(more, "There are more than these 1; --limit shows more.")
      })
    )
  )

  it.live("dead shows what could not be delivered, and nothing that acts on a terminal", () =>
    withOutbox((url) =>
      Effect.gen(function* () {
        const position = yield* story
        const [letter, ...more] = document(
          yield* typed(url, "outbox", "dead", "--json")
        ) as ReadonlyArray<object>
        assert.deepStrictEqual(more, [])
        assert.deepInclude(letter, {
          position,
          capability: "notify",
          entity: { type: "order", id: "3" },
          payload: { what: "d" },
          decidedAt: null,
          operator: "shipping",
          deliveries: 1,
          reason: "it does not fit\u001b[2J"
        })
        const { stdout } = yield* typed(url, "outbox", "dead")
        assert.include(stdout, "it does not fit\\u{1b}[2J")
        assert.notInclude(stdout, "\u001b")
      })
    )
  )

  it.live("revive puts a letter back, once", () =>
    withOutbox((url) =>
      Effect.gen(function* () {
        const position = yield* story
        assert.deepStrictEqual(document(yield* typed(url, "outbox", "revive", position, "--json")), {
          position,
          revived: true
        })
        const again = yield* typed(url, "outbox", "revive", position)
        assert.deepStrictEqual(again, {
          exitCode: 1,
          stdout: "",
          stderr: `There is no dead letter ${position} in the outbox. Nothing was changed; "fibric outbox dead" lists those that there are.\n`
        })
        const outbox = yield* Outbox.Outbox
        const [taken] = yield* outbox.take(["notify"], 10, 60_000)
        assert.strictEqual(String(taken?.position), position)
      })
    )
  )

  it.live("drop gives a letter up by name, with a reason, and keeps both without the payload", () =>
    withOutbox((url) =>
      Effect.gen(function* () {
        const position = yield* story
        const told = yield* typed(url, "outbox", "drop", position, "--by", "dana", "--reason", "sent by hand")
        assert.deepStrictEqual(told, {
          exitCode: 0,
          stdout: `The letter ${position} was dropped by dana. It is never delivered; its payload is gone.\n`,
          stderr: ""
        })
        const kept = yield* onDatabase(
          url,
          (sql) => sql`
            SELECT state, dropped_by, drop_reason, payload FROM fibric.proposal
            WHERE position = ${position}::text::bigint`
        )
        assert.deepStrictEqual(kept, [
          { state: "dropped", dropped_by: "dana", drop_reason: "sent by hand", payload: null }
        ])
      })
    )
  )

  it.live("does not understand a position that is none, and a drop without a name", () =>
    withOutbox((url) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* typed(url, "outbox", "revive", "first")).exitCode, 2)
        assert.strictEqual((yield* typed(url, "outbox", "drop", "1", "--reason", "x")).exitCode, 2)
      })
    )
  )
})
