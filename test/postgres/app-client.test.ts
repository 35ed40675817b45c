/**
 * The app's own client: how it names columns and reads types is the app's affair, and none of it
 * reaches the ledger.
 */
import { assert, describe, it } from "@effect/vitest"
import { PgClient, PgTypes } from "@effect/sql-pg"
import { Effect, Layer, Option, Result, String } from "effect"
import { execute, ReceiptLog } from "fibric"
import * as FibricPostgres from "fibric/postgres"
import { freshDatabase } from "../support/database.ts"
import { makeWorld, notify, over } from "../support/orders.ts"

/** A codec that reads whatever comes as the same word, so that a row that met it can't be read. */
const mangled: PgTypes.Codec<string> = {
  encode: () => Result.succeed(new Uint8Array()),
  decode: () => Result.succeed("mangled")
}

const mangledTypes = [
  PgTypes.OID.int4,
  PgTypes.OID.int8,
  PgTypes.OID.text,
  PgTypes.OID.bool,
  PgTypes.OID.timestamptz
]

const mangledRegistry = (): PgTypes.Registry => {
  const registry = PgTypes.makeRegistry()
  for (const oid of mangledTypes) registry.register(oid, mangled)
  return registry
}

/** Performs an action and repeats it over an app's client, and reads the receipts back. */
const performAndRepeat = Effect.gen(function* () {
  const first = yield* execute(notify("4471"))
  const second = yield* execute(notify("4471"))
  const log = yield* ReceiptLog
  const totals = yield* log.totals(notify("4471").key)
  return { first, second, totals }
})

const overApp = (configure: Omit<PgClient.PgPoolConfig, "url">) =>
  Effect.gen(function* () {
    const { url } = yield* freshDatabase
    const { world, layer } = makeWorld()
    const app = PgClient.layer({ ...configure, url })
    const runtime = FibricPostgres.layer.pipe(Layer.provideMerge(app))
    return { world, runtime: over(layer, runtime) }
  })

const assertUndisturbed = ({ first, second, totals }: Effect.Success<typeof performAndRepeat>) => {
  assert.strictEqual(first.receipt.outcome, "performed")
  assert.strictEqual(first.receipt.count, 1)
  assert.deepStrictEqual(first.receipt.entity, { type: "order", id: "4471" })
  assert.isTrue(Option.isSome(first.output))
  assert.deepStrictEqual(second, first)
  assert.deepStrictEqual(totals, { performed: 1, deduplicated: 1 })
}

describe("an app's client", () => {
  it.live("that renames columns to camel case keeps its names, and the ledger its own", () =>
    Effect.gen(function* () {
      const { world, runtime } = yield* overApp({
        transformQueryNames: String.camelToSnake,
        transformResultNames: String.snakeToCamel
      })
      yield* Effect.gen(function* () {
        assertUndisturbed(yield* performAndRepeat)
        assert.strictEqual(world.calls.length, 1)
        const app = yield* PgClient.PgClient
        const rows = yield* app`SELECT DISTINCT entity_type FROM fibric.receipts`
        assert.deepStrictEqual(rows, [{ entityType: "order" }])
      }).pipe(Effect.provide(runtime))
    })
  )

  it.live("that reads types in its own way doesn't change how the ledger reads them", () =>
    Effect.gen(function* () {
      const { world, runtime } = yield* overApp({ types: mangledRegistry() })
      yield* Effect.gen(function* () {
        assertUndisturbed(yield* performAndRepeat)
        assert.strictEqual(world.calls.length, 1)
        const app = yield* PgClient.PgClient
        const rows = yield* app`SELECT DISTINCT capability FROM fibric.receipts`
        assert.deepStrictEqual(rows, [{ capability: "mangled" }])
      }).pipe(Effect.provide(runtime))
    })
  )

  it.live("whose app has changed a type for the whole process doesn't change it for the ledger", () =>
    Effect.gen(function* () {
      yield* Effect.acquireRelease(
        Effect.sync(() => PgTypes.register(PgTypes.OID.timestamptz, mangled)),
        () => Effect.sync(() => PgTypes.unregister(PgTypes.OID.timestamptz))
      )
      const { world, runtime } = yield* overApp({})
      assertUndisturbed(yield* Effect.provide(performAndRepeat, runtime))
      assert.strictEqual(world.calls.length, 1)
    })
  )
})
