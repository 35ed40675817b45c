/**
 * writing: transactions of an application that propose, a third of which roll back. Each takes its entity's
 * own row, as an application does that changes it: that is the order. Every second one proposes by the
 * database's function, as another language would.
 */
import { PgClient } from "@effect/sql-pg"
import { Array, Effect, Schema } from "effect"
import { Outbox } from "fibric"
import { Book, Customer, Shelf, Tell } from "./changes.ts"

export interface Committed {
  readonly entity: string
  readonly transaction: number
  readonly number: number
}

class RolledBack extends Schema.TaggedError<RolledBack>()("RolledBack", {}) {}

/** How many entities there are. */
export const entities = 50

const writers = 8

/** The application's tables: an order for each entity, and what the transactional effect writes. */
export const setUp = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  yield* sql`CREATE TABLE shop_entity (id text PRIMARY KEY, number integer NOT NULL DEFAULT 0)`
  yield* sql`
    CREATE TABLE shop_effect (place serial, entity text NOT NULL, transaction integer NOT NULL, number integer NOT NULL)`
  yield* sql`INSERT INTO shop_entity (id) SELECT number::text FROM generate_series(1, ${entities}::integer) AS number`
})

const proposeBoth = Effect.fnUntraced(function* ({ entity, ...payload }: Committed) {
  const sql = yield* PgClient.PgClient
  if (payload.transaction % 2 === 0) {
    yield* Outbox.propose(Book.propose(Shelf.at(entity), payload))
    yield* Outbox.propose(Tell.propose(Customer.at(entity), payload))
    return
  }
  const json = JSON.stringify(payload)
  yield* sql`
    SELECT fibric.propose('book', 'shelf', ${entity}::text, ${json}::text::jsonb, 'writer'),
      fibric.propose('tell', 'customer', ${entity}::text, ${json}::text::jsonb, 'writer')`
})

const write = Effect.fnUntraced(function* (transaction: number) {
  const sql = yield* PgClient.PgClient
  // Neighbours meet in the same entities, so that there is an order to keep.
  const entity = String((Math.floor(transaction / 3) % entities) + 1)
  const written = Effect.gen(function* () {
    const [row] = yield* sql<{ number: number }>`
      UPDATE shop_entity SET number = number + 1 WHERE id = ${entity}::text RETURNING number`
    const committed: Committed = { entity, transaction, number: row?.number ?? 0 }
    yield* proposeBoth(committed)
    if (transaction % 3 === 2) return yield* new RolledBack()
    return committed
  })
  return yield* sql.withTransaction(written).pipe(
    Effect.asSome,
    Effect.catchTag("RolledBack", () => Effect.succeedNone)
  )
})

/** Runs the transactions of these numbers; what was committed of them. */
export const writeAll = (from: number, to: number) =>
  Effect.map(
    Effect.forEach(
      Array.makeBy(to - from, (index) => from + index),
      write,
      { concurrency: writers }
    ),
    Array.getSomes
  )
