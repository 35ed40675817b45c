/**
 * Bells in the ledger's own database: an honest connector for `transactional`, and the bad habits that a
 * transaction allows. A bell has rung where a row says so, and it is none of those that are too loud.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import { Capability, Connector, Entity, LedgerTransaction, Recovery } from "fibric"
import * as Laws from "fibric/testing/laws"
import * as Postgres from "./Postgres.ts"

/** What a connector does wrong with its transaction. */
export type LedgerHabit =
  /** Acts over a connection of its own, where nothing takes it back. */
  | "outside"
  /** Commits by itself, before it is settled. */
  | "committing"
  /** Acts once more in the background, over a connection of its own, when its transaction is long over. */
  | "tardy"

class TooLoud extends Schema.TaggedError<TooLoud>()("TooLoud", {}) {}

const Bell = Entity.make("bell")

const Ring = Capability.make("ring", {
  entity: Bell,
  payload: { times: Schema.Int },
  success: Schema.Void,
  error: TooLoud,
  occasion: () => "once",
  recovery: Recovery.transactional,
  deadline: "10 seconds"
})

type Sql = SqlClient.SqlClient

const ring = (sql: Sql, schema: string, times: number) =>
  Effect.andThen(
    Effect.orDie(sql`INSERT INTO ${sql(schema)}.ring (times) VALUES (${times}::int)`),
    times > 10 ? Effect.fail(new TooLoud()) : Effect.void
  )

/** How the function acts, given the way that it should go and another one. */
const acting = (habit: LedgerHabit | undefined, schema: string, own: Sql, times: number) =>
  Effect.gen(function* () {
    const sql = yield* LedgerTransaction
    switch (habit) {
      case "outside":
        return yield* own
          .withTransaction(ring(own, schema, times))
          .pipe(Effect.catchTag("SqlError", Effect.die))
      case "committing":
        yield* ring(sql, schema, times)
        return yield* Effect.orDie(sql`COMMIT`)
      case "tardy":
        yield* ring(sql, schema, times)
        yield* Effect.forkDetach(Effect.delay(ring(own, schema, times), "100 millis"))
        return
      case undefined:
        return yield* ring(sql, schema, times)
    }
  })

const subject = ({ client, secrets, settled, sql, trial }: Postgres.Postgres, habit?: LedgerHabit) =>
  Laws.subject({
    name: habit ?? "bell (transactional)",
    server: Effect.gen(function* () {
      const { schema, ...target } = yield* trial
      yield* sql`CREATE SCHEMA ${sql(schema)}`
      yield* sql`CREATE TABLE ${sql(schema)}.ring (times integer NOT NULL)`
      const rung = sql`SELECT 1 FROM ${sql(schema)}.ring`
      const effects = Effect.map(Effect.andThen(settled(schema), rung), (rows) =>
        rows.map(() => ({ key: undefined }))
      )
      return { ...target, schema, effects: Effect.orDie(effects) }
    }),
    connector: (address, { schema }) =>
      Connector.make("bell", Ring)
        .toLayer(
          Effect.map(PgClient.PgClient, (own) => ({
            ring: ({ times }: typeof Ring.payload.Type) => acting(habit, schema, own, times)
          }))
        )
        .pipe(Layer.provide(Layer.effect(PgClient.PgClient, client(address, schema)))),
    database: (address, { schema }) => client(address, schema),
    action: Ring.propose(Bell.at("1"), { times: 1 }),
    refused: Ring.propose(Bell.at("1"), { times: 11 }),
    secrets,
    silence: "1 second",
    watch: "400 millis"
  })

/** The report about such a connector, over a database that is there for as long as it takes. */
export const inLedger = (habit?: LedgerHabit) =>
  Effect.scoped(Effect.flatMap(Postgres.make, (postgres) => Laws.run(subject(postgres, habit))))
