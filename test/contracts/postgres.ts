/**
 * The ledger and its receipts on Postgres, from empty tables for each test: one database for each test
 * file, emptied before every test, because making a database takes longer than most of them.
 */
import { PgClient } from "@effect/sql-pg"
import { afterAll } from "@effect/vitest"
import { type Context, Effect, Exit, Layer, Scope } from "effect"
import type { Ledger } from "../../src/kernel/Ledger.ts"
import type { Outbox } from "../../src/kernel/Outbox.ts"
import type { ReceiptLog } from "../../src/kernel/ReceiptLog.ts"
import * as Settings from "../../src/kernel/Settings.ts"
import type { Retention } from "../../src/kernel/Retention.ts"
import type { Seals } from "../../src/kernel/Seals.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgOutbox from "../../src/postgres/PgOutbox.ts"
import * as PgLedger from "../../src/postgres/PgLedger.ts"
import * as PgReceiptLog from "../../src/postgres/PgReceiptLog.ts"
import * as PgRetention from "../../src/postgres/PgRetention.ts"
import * as PgSeals from "../../src/postgres/PgSeals.ts"
import { layerFreshClient } from "../support/database.ts"
import { outboxCapacity } from "./keys.ts"

const layer = Layer.mergeAll(
  PgLedger.layer,
  PgOutbox.layer,
  PgReceiptLog.layer,
  PgSeals.layer,
  PgRetention.layer
).pipe(
  Layer.provide(LedgerClient.layer),
  Layer.provide(Settings.layer({ outboxCapacity })),
  Layer.provideMerge(layerFreshClient)
)

type Services = Ledger | Outbox | ReceiptLog | Seals | Retention | PgClient.PgClient

const scope = Scope.makeUnsafe()
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

let opened: Promise<Context.Context<Services>> | undefined
const opening = (): Promise<Context.Context<Services>> =>
  Effect.runPromise(Scope.provide(Layer.build(layer), scope))

/**
 * Everything that a ledger remembers of keys, and of who waits for what. Deleted, as TRUNCATE would make a
 * new file for each table and each index, which takes ten times as long as the few rows do.
 */
const emptied = Effect.flatMap(PgClient.PgClient, (sql) =>
  Effect.andThen(
    sql`
      WITH attempt AS (DELETE FROM fibric.attempt),
        receipt_log AS (DELETE FROM fibric.receipt_log),
        worker AS (DELETE FROM fibric.worker),
        entity AS (DELETE FROM fibric.entity),
        ticket AS (DELETE FROM fibric.ticket),
        waiting AS (DELETE FROM fibric.waiting),
        proposal AS (DELETE FROM fibric.proposal),
        outbox_lane AS (DELETE FROM fibric.outbox_lane),
        operator_cursor AS (DELETE FROM fibric.operator_cursor),
        receipt_batch AS (DELETE FROM fibric.receipt_batch),
        seal AS (DELETE FROM fibric.seal)
      DELETE FROM fibric.ledger`,
    sql`
      UPDATE fibric.sealing SET number = 0, up_to = '0', purged = '0',
        hash = sha256(convert_to('fibric/chain/1:' || chain, 'UTF8'))`
  )
)

export const layerLedger = Layer.effectContext(
  Effect.gen(function* () {
    const context = yield* Effect.promise(() => (opened ??= opening()))
    yield* Effect.provideContext(emptied, context)
    return context
  })
)
