/**
 * `fibric receipts`, `verify`, `head` and `ledger seal`: what became of requests, and whether that can be
 * trusted, as a person and a script see it.
 */
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, type Redacted } from "effect"
import { type Connector, execute, Operator } from "fibric"
import type * as Runtime from "../../src/kernel/Runtime.ts"
import { onDatabase } from "../postgres/support.ts"
import { notify } from "../support/orders.ts"
import { readableOn } from "../support/readable.ts"
import { type Told, typed, typedUntil, withOrders } from "./support.ts"

type Json = { readonly [field: string]: unknown }

const done = (stdout: string): Told => ({ exitCode: 0, stdout, stderr: "" })
const linesOf = ({ stdout }: Told): ReadonlyArray<string> => stdout.split("\n").slice(0, -1)
const documentsOf = (told: Told): ReadonlyArray<Json> => linesOf(told).map((line) => JSON.parse(line) as Json)

/** One order that was notified of, and asked for again; another one that was notified of. */
const asked = Effect.gen(function* () {
  const { receipt } = yield* execute(notify("4471")).pipe(Operator.as("shipping"))
  yield* execute(notify("4471")).pipe(Operator.as("agent"))
  yield* execute(notify("4472")).pipe(Operator.as("shipping"))
  return receipt
})

const withAsked = <E>(
  use: (
    url: Redacted.Redacted<string>,
    receiptId: string
  ) => Effect.Effect<void, E, Runtime.Services | Connector.Handler<"notify">>
) =>
  withOrders((_world, url) =>
    Effect.gen(function* () {
      const receipt = yield* asked
      yield* onDatabase(url, readableOn)
      yield* use(url, receipt.id)
    })
  )

describe("fibric receipts query", () => {
  it.live("shows the newest first, with who asked and how often", () =>
    withAsked((url) =>
      Effect.gen(function* () {
        const told = yield* typed(url, "receipts", "query")
        assert.deepStrictEqual(
          linesOf(told).map((line) => line.replace(/^\S+ +/, "").replaceAll(/ +/g, " ")),
          [
            "performed ×1 notify:order-4472:shipped by shipping",
            "deduplicated ×1 notify:order-4471:shipped by agent",
            "performed ×1 notify:order-4471:shipped by shipping"
          ]
        )
        assert.deepStrictEqual([told.exitCode, told.stderr], [0, ""])
      })
    )
  )

  it.live("filters by what is given, in one document or a line each", () =>
    withAsked((url, id) =>
      Effect.gen(function* () {
        const of4471 = ["--entity", "order-4471", "--order", "oldest"] as const
        const told = yield* typed(url, "receipts", "query", ...of4471, "--format", "json")
        const { next, receipts } = JSON.parse(told.stdout) as { next: null; receipts: ReadonlyArray<Json> }
        assert.isNull(next)
        assert.deepStrictEqual(
          receipts.map((receipt) => [receipt["outcome"], receipt["refersTo"]]),
          [
            ["performed", null],
            ["deduplicated", id]
          ]
        )
        const lines = documentsOf(yield* typed(url, "receipts", "query", ...of4471, "--format", "ndjson"))
        assert.deepStrictEqual(lines, receipts)
        const repeats = yield* typed(
          url,
          "receipts",
          "query",
          "--outcome",
          "deduplicated",
          "--outcome",
          "joined",
          "--format",
          "ndjson"
        )
        assert.deepStrictEqual(documentsOf(repeats), receipts.slice(1))
        const late = yield* typed(url, "receipts", "query", "--until", "1 hour")
        assert.deepStrictEqual(late, { exitCode: 0, stdout: "", stderr: "There are no such receipts.\n" })
        const recent = yield* typed(
          url,
          "receipts",
          "query",
          "--since",
          "1 hour",
          "--key",
          "notify:order-4471:shipped",
          "--format",
          "ndjson"
        )
        assert.lengthOf(documentsOf(recent), 2)
      })
    )
  )

  it.live("tells the cursor of the next page", () =>
    withAsked((url) =>
      Effect.gen(function* () {
        const first = yield* typed(url, "receipts", "query", "--limit", "2", "--format", "ndjson")
        const cursor = /--cursor (\S+)/.exec(first.stderr)?.[1] ?? ""
        const second = yield* typed(
          url,
          "receipts",
          "query",
          "--limit",
          "2",
          "--format",
          "ndjson",
          "--cursor",
          cursor
        )
        assert.deepStrictEqual(
          [...documentsOf(first), ...documentsOf(second)].map(({ outcome }) => outcome),
          ["performed", "deduplicated", "performed"]
        )
        assert.strictEqual(second.stderr, "")
      })
    )
  )

  it.live("reads a day or an instant in ISO 8601, with an offset or in UTC", () =>
    withAsked((url) =>
      Effect.gen(function* () {
        for (const time of [
          "2026-01-31",
          "2026-01-31T10:00",
          "2026-01-31T10:00:30Z",
          "2026-01-31T10:00:30.123+02:00"
        ]) {
          const late = yield* typed(url, "receipts", "query", "--until", time)
          assert.deepStrictEqual(late, { exitCode: 0, stdout: "", stderr: "There are no such receipts.\n" })
        }
      })
    )
  )

  it.live("refuses a time that is none, and a cursor that is none", () =>
    withAsked((url) =>
      Effect.gen(function* () {
        for (const none of [
          "yesterday-ish",
          "5",
          "2026",
          "1/2/2026",
          "May 2026",
          "2026-02-31",
          "2026-13-01"
        ]) {
          const time = yield* typed(url, "receipts", "query", "--since", none)
          assert.strictEqual(time.exitCode, 2)
          assert.include(
            time.stderr,
            `Expected an ISO 8601 time or an age such as "2 hours", and not "${none}"`
          )
        }
        const cursor = yield* typed(url, "receipts", "query", "--cursor", "here")
        assert.deepInclude(cursor, { exitCode: 1, stdout: "" })
        assert.include(cursor.stderr, "This is no cursor of this ledger.")
      })
    )
  )

  it.live("exports in the envelope of CloudEvents, named by the ledger's chain", () =>
    withAsked((url, id) =>
      Effect.gen(function* () {
        const { chain } = JSON.parse((yield* typed(url, "head")).stdout) as { readonly chain: string }
        const [event] = documentsOf(
          yield* typed(
            url,
            "receipts",
            "query",
            "--order",
            "oldest",
            "--limit",
            "1",
            "--format",
            "cloudevents"
          )
        )
        const shown = JSON.parse((yield* typed(url, "receipts", "show", id, "--json")).stdout) as Json
        assert.deepStrictEqual(event, {
          specversion: "1.0",
          id,
          source: `urn:uuid:${chain}`,
          type: "fibric.receipt.performed",
          subject: "order-4471",
          time: shown["at"],
          datacontenttype: "application/json",
          data: shown
        })
      })
    )
  )
})

describe("fibric receipts show", () => {
  it.live("shows all that one says, and refuses what is none", () =>
    withAsked((url, id) =>
      Effect.gen(function* () {
        const told = yield* typed(url, "receipts", "show", id)
        assert.strictEqual(told.exitCode, 0)
        for (const field of [/^ {2}id +/m, /^ {2}outcome +performed$/m, /^ {2}body +\{"messageId"/m]) {
          assert.match(told.stdout, field)
        }
        const none = yield* typed(url, "receipts", "show", "4711")
        assert.deepInclude(none, { exitCode: 1, stdout: "" })
        assert.include(none.stderr, `The ledger has no receipt "4711".`)
      })
    )
  )
})

describe("fibric receipts tail", () => {
  it.live("prints from the start, ends after so many, and goes on from the cursor that it told", () =>
    withAsked((url) =>
      Effect.gen(function* () {
        const tail = ["receipts", "tail", "--format", "ndjson", "--from"] as const
        const first = yield* typed(url, ...tail, "start", "--count", "2")
        const cursor = /--from (\S+)/.exec(first.stderr)?.[1] ?? ""
        assert.strictEqual(documentsOf(first)[1]?.["cursor"], cursor)
        const second = yield* typed(url, ...tail, cursor, "--count", "1")
        assert.deepStrictEqual(
          [...documentsOf(first), ...documentsOf(second)].map(
            ({ key, outcome }) => `${String(key)} ${String(outcome)}`
          ),
          [
            "notify:order-4471:shipped performed",
            "notify:order-4471:shipped deduplicated",
            "notify:order-4472:shipped performed"
          ]
        )
      })
    )
  )
})

describe("fibric receipts tail that is cut off", () => {
  it.live("tells the cursor of the last one that it printed all the same", () =>
    withAsked((url) =>
      Effect.gen(function* () {
        const tail = ["receipts", "tail", "--format", "ndjson", "--from"] as const
        const told = yield* typedUntil(url, 3, ...tail, "start")
        const cursor = documentsOf({ ...told, exitCode: 0 }).at(-1)?.["cursor"]
        assert.strictEqual(told.stderr, `To go on: --from ${String(cursor)}\n`)
      })
    )
  )
})

describe("fibric verify", () => {
  const seal = ["ledger", "seal", "--older-than", "0 seconds"] as const

  it.live("says how much holds, what is not sealed yet, and that it can't tell of the tail", () =>
    withAsked((url) =>
      Effect.gen(function* () {
        const sealed = yield* typed(url, ...seal, "--json")
        assert.deepInclude(JSON.parse(sealed.stdout), { seals: 1, rows: 3, receipts: 3, folded: 0 })
        yield* execute(notify("4473"))
        assert.deepStrictEqual(
          yield* typed(url, "verify"),
          done(
            "1 seal over 3 receipts, which stand for 3 requests: all as they were sealed.\n1 receipt came later and is not sealed yet.\nWhether the tail was cut off can't be told without a head that was kept elsewhere: verify --head FILE.\n"
          )
        )
      })
    )
  )

  it.live("ends with 1 and names the seal where a byte was flipped", () =>
    withAsked((url, id) =>
      Effect.gen(function* () {
        yield* typed(url, ...seal)
        yield* onDatabase(
          url,
          (sql) => sql`UPDATE fibric.receipt_log SET body = replace(body, 'm', 'n') WHERE id = ${id}::uuid`
        )
        const told = yield* typed(url, "verify")
        assert.strictEqual(told.exitCode, 1)
        assert.match(told.stdout, /^Seal 1 \(.+ to .+\): of its 3 receipts at least one was changed or moved/)
        assert.include(told.stderr, "1 of what was sealed does not hold.")
      })
    )
  )

  it.live("finds a tail that was cut off against a head in a file", () =>
    withAsked((url) =>
      Effect.gen(function* () {
        const files = yield* FileSystem.FileSystem
        const file = yield* files.makeTempFileScoped()
        yield* typed(url, ...seal)
        yield* files.writeFileString(file, (yield* typed(url, "head")).stdout)
        const good = yield* typed(url, "verify", "--head", file)
        assert.include(good.stdout, "The end was compared with the head that was given.")
        assert.strictEqual(good.exitCode, 0)
        yield* onDatabase(url, (sql) =>
          Effect.all([
            sql`DELETE FROM fibric.receipt_log`,
            sql`DELETE FROM fibric.seal`,
            sql`UPDATE fibric.sealing SET number = 0, up_to = '0', hash = sha256(convert_to('fibric/chain/1:' || chain, 'UTF8'))`
          ])
        )
        assert.strictEqual((yield* typed(url, "verify")).exitCode, 0)
        const cut = yield* typed(url, "verify", "--head", file, "--json")
        assert.strictEqual(cut.exitCode, 1)
        assert.deepInclude(JSON.parse(cut.stdout), {
          tail: "checked",
          findings: [{ _tag: "tail_missing", number: 1, found: 0 }]
        })
        const head = JSON.parse((yield* typed(url, "head")).stdout) as Json
        for (const none of [{}, { ...head, number: -1 }]) {
          yield* files.writeFileString(file, JSON.stringify(none))
          const told = yield* typed(url, "verify", "--head", file)
          assert.deepInclude(told, { exitCode: 1, stdout: "" })
          assert.include(told.stderr, "has no head in it")
        }
      }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
    )
  )
})
