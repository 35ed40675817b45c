/**
 * Roles: what each may do, asserted from the catalog, and tried.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import { execute, ReceiptLog } from "fibric"
import * as FibricPostgres from "fibric/postgres"
import { Retention } from "../../src/kernel/Retention.ts"
import { type RoleKind, roleKinds } from "../../src/kernel/Roles.ts"
import { Seals } from "../../src/kernel/Seals.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import { needs } from "../../src/postgres/PgRoles.ts"
import * as PgReceiptLog from "../../src/postgres/PgReceiptLog.ts"
import * as PgRetention from "../../src/postgres/PgRetention.ts"
import * as PgSeals from "../../src/postgres/PgSeals.ts"
import { ledgerDatabase } from "../support/database.ts"
import { readableOn } from "../support/readable.ts"
import { makeWorld, notify } from "../support/orders.ts"
import { typed } from "../surface/support.ts"
import { freshRole, onDatabase, secret, withParts } from "./support.ts"

/** A database whose ledger is its owner's, and a role of the kind; its URL under each. */
const granted = Effect.fnUntraced(function* (kind: RoleKind) {
  const { name } = yield* freshRole
  const { url } = yield* ledgerDatabase
  const told = yield* typed(url, "ledger", "grant", kind, "--to", name)
  assert.strictEqual(told.exitCode, 0, told.stderr)
  return { name, url, as: withParts(url, { username: name, password: secret }) }
})

const layerCommand = (url: Parameters<typeof withParts>[0]) =>
  Layer.mergeAll(PgReceiptLog.layer, PgSeals.layer, PgRetention.layer).pipe(
    Layer.provide(LedgerClient.layerCommand),
    Layer.provide(PgClient.layer({ url, maxConnections: 1 }))
  )

describe("the rights in the catalog", () => {
  for (const kind of roleKinds) {
    it.live(`of a ${kind} are those of the table, and no others`, () =>
      Effect.gen(function* () {
        const { name, url } = yield* granted(kind)
        const found = yield* onDatabase(url, (sql) =>
          Effect.all({
            tables: sql<{ name: string; rights: ReadonlyArray<string> }>`
              SELECT relname::text AS name, array_agg(wanted.right ORDER BY number) AS rights
              FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
                WITH ORDINALITY AS wanted ("right", number)
              WHERE relnamespace = 'fibric'::regnamespace AND relkind IN ('r', 'p', 'v')
                AND has_table_privilege(${name}::text, oid, wanted.right)
              GROUP BY relname`,
            columns: sql`
              SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
              WHERE relnamespace = 'fibric'::regnamespace AND attacl IS NOT NULL`,
            functions: sql<{ signature: string }>`
              SELECT proname || '(' || pg_get_function_identity_arguments(oid) || ')' AS signature FROM pg_proc
              WHERE pronamespace = 'fibric'::regnamespace AND prosecdef AND prorettype <> 'trigger'::regtype
                AND has_function_privilege(${name}::text, oid, 'EXECUTE') ORDER BY 1`,
            creates: sql`
              SELECT has_schema_privilege(${name}::text, 'fibric', 'CREATE') AS "schema",
                has_database_privilege(${name}::text, current_database(), 'CREATE') AS "database"`
          })
        )
        assert.deepStrictEqual(
          Object.fromEntries(found.tables.map(({ name, rights }) => [name, rights])),
          needs[kind].tables
        )
        assert.deepStrictEqual(found.columns, [])
        assert.deepStrictEqual(
          found.functions.map(({ signature }) =>
            signature.replaceAll(/\w+ (?=double|integer|xid8|text|jsonb|timestamp)/g, "")
          ),
          needs[kind].functions.toSorted()
        )
        assert.deepStrictEqual(found.creates, [{ schema: false, database: false }])
      })
    )
  }

  it.live("of nobody in particular are none: no function that changes a receipt is everybody's", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      const open = yield* onDatabase(
        url,
        (sql) => sql`
          SELECT proname FROM pg_proc, aclexplode(COALESCE(proacl, acldefault('f', proowner))) AS acl
          WHERE pronamespace = 'fibric'::regnamespace AND prosecdef AND prorettype <> 'trigger'::regtype
            AND acl.grantee = 0`
      )
      assert.deepStrictEqual(open, [])
    })
  )
})

describe("a role at work", () => {
  it.live("the runtime performs, repeats, seals and makes months; it can't touch a receipt", () =>
    Effect.gen(function* () {
      const { as, url } = yield* granted("runtime")
      const { layer, world } = makeWorld()
      const runtime = layer.pipe(
        Layer.provideMerge(FibricPostgres.layer),
        Layer.provide([PgClient.layer({ url: as, maxConnections: 1 }), Logger.layer([])])
      )
      yield* Effect.gen(function* () {
        const { receipt } = yield* execute(notify("1"))
        assert.strictEqual((yield* execute(notify("1"))).receipt.id, receipt.id)
        assert.deepStrictEqual(yield* (yield* ReceiptLog).totals(), { performed: 1, deduplicated: 1 })
      }).pipe(Effect.provide(runtime))
      assert.lengthOf(world.calls, 1)
      yield* onDatabase(url, readableOn)
      yield* Effect.gen(function* () {
        assert.deepInclude(yield* (yield* Seals).sealNext(0, 10), { rows: 2 })
        yield* (yield* Retention).makeMonths(2)
        const refused = yield* Effect.flip((yield* Retention).purge(0))
        assert.include(refused.reason, "permission denied for function purge_bodies")
      }).pipe(Effect.provide(layerCommand(as)))
      const denied = yield* onDatabase(as, (sql) =>
        Effect.forEach(
          [
            sql`UPDATE fibric.receipt_log SET count = 2`,
            sql`DELETE FROM fibric.receipt_log`,
            sql`DELETE FROM fibric.ledger`,
            sql`UPDATE fibric.sealing SET number = 0`,
            sql`DELETE FROM fibric.receipt_batch`,
            sql`CREATE TABLE fibric.mine ()`
          ],
          (statement) => Effect.map(Effect.flip(statement), ({ reason }) => reason._tag)
        )
      )
      assert.deepStrictEqual(
        denied,
        Array.from({ length: 6 }, () => "AuthorizationError")
      )
      const told = yield* typed(url, "verify")
      assert.strictEqual(told.exitCode, 0)
    })
  )

  it.live(
    "a purger purges and reads nothing, a sealer seals and reads no receipt, a reader reads and verifies",
    () =>
      Effect.gen(function* () {
        const purger = yield* granted("purger")
        assert.deepStrictEqual(JSON.parse((yield* typed(purger.as, "ledger", "purge", "--json")).stdout), {
          bodies: 0,
          requests: 0,
          pinned: 0
        })
        const refused = yield* typed(purger.as, "receipts", "query")
        assert.strictEqual(refused.exitCode, 1)
        assert.include(refused.stderr, "permission denied for")
        const sealer = yield* granted("sealer")
        assert.strictEqual(
          (yield* typed(sealer.as, "ledger", "seal", "--older-than", "0 seconds")).exitCode,
          0
        )
        assert.strictEqual((yield* typed(sealer.as, "receipts", "query")).exitCode, 1)
        const reader = yield* granted("reader")
        for (const command of [["receipts", "query"], ["verify"], ["head"]] as const) {
          assert.deepInclude(yield* typed(reader.as, ...command), { exitCode: 0 })
        }
        for (const command of [
          ["ledger", "seal"],
          ["ledger", "purge"],
          ["doubt", "list"]
        ] as const) {
          assert.deepInclude(yield* typed(reader.as, ...command), { exitCode: 1, stdout: "" })
        }
      })
  )

  it.live("a runtime that may not seal leaves it to others and performs all the same", () =>
    Effect.gen(function* () {
      const { as, name, url } = yield* granted("runtime")
      yield* onDatabase(
        url,
        (sql) => sql`REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA fibric FROM ${sql(name)}`.unprepared
      )
      const warned: Array<unknown> = []
      const logger = Logger.make(({ logLevel, message }) => {
        if (logLevel === "Warn" || logLevel === "Error") warned.push(message)
      })
      const { layer, world } = makeWorld()
      yield* Effect.provide(
        execute(notify("1")),
        layer.pipe(
          Layer.provideMerge(FibricPostgres.layer),
          Layer.provide([PgClient.layer({ url: as, maxConnections: 1 }), Logger.layer([logger])])
        )
      )
      assert.lengthOf(world.calls, 1)
      assert.deepStrictEqual(warned, [])
    })
  )

  it.live("that is not there is not granted anything, and why is said", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      const told = yield* typed(url, "ledger", "grant", "reader", "--to", "nobody_of_this_name")
      assert.strictEqual(told.exitCode, 1)
      assert.include(told.stderr, `There is no role "nobody_of_this_name". Nothing was granted; create it`)
    })
  )
})
