/**
 * Starting on Postgres: what makes fibric refuse, what it says then, and what it leaves alone.
 */
import { assert, describe, it } from "@effect/vitest"
import { PgClient } from "@effect/sql-pg"
import { Effect, Exit, Layer, Redacted } from "effect"
import { StartRefused } from "fibric"
import * as FibricPostgres from "fibric/postgres"
import { layerClient } from "fibric/embedded"
import { knownVersion } from "../../src/postgres/migrations/index.ts"
import { monthsAhead } from "../../src/kernel/Keeper.ts"
import { freshDatabase } from "../support/database.ts"
import { freshRole, onDatabase, place, secret, withParts } from "./support.ts"
import { fault } from "../support/fault.ts"

/** Starts fibric over a URL and stops it again; gives the refusal where there is one. */
const start = (url: Redacted.Redacted<string>) =>
  Effect.scoped(Effect.asVoid(Layer.build(FibricPostgres.layer.pipe(Layer.provide(layerClient(url))))))

const refusal = (url: Redacted.Redacted<string>) => Effect.flip(start(url))

const refused = (problem: StartRefused["problem"], sentence: string) =>
  new StartRefused({ problem, sentence })

describe("fibric refuses to start", () => {
  it.live("where no server listens", () =>
    Effect.gen(function* () {
      const error = yield* refusal(Redacted.make(`postgres://ada:${secret}@127.0.0.1:1/shop`))
      assert.deepStrictEqual(
        error,
        refused(
          "unreachable",
          "Postgres at 127.0.0.1:1/shop can't be used (connect ECONNREFUSED 127.0.0.1:1). Nothing was performed; start it, or mend DATABASE_URL or the client's configuration."
        )
      )
    })
  )

  it.live("where the URL is none, and doesn't repeat it: it may hold a password", () =>
    Effect.gen(function* () {
      const error = yield* refusal(Redacted.make(`postgres://ada:${secret}#@127.0.0.1:1/shop`))
      assert.strictEqual(error.problem, "unreachable")
      assert.match(error.message, /^Postgres at the given URL can't be used \(Invalid URL\)\. /)
      assert.notInclude(JSON.stringify(error), secret)
    })
  )

  it.live("where a part of the URL can't be read", () =>
    Effect.gen(function* () {
      const error = yield* refusal(Redacted.make(`postgres://ada:${secret}@127.0.0.1:1/shop%zz`))
      assert.strictEqual(error.problem, "unreachable")
      assert.include(error.message, "Postgres at 127.0.0.1:1/shop%zz can't be used")
      assert.notInclude(JSON.stringify(error), secret)
    })
  )

  it.live("with the wrong password", (context) =>
    Effect.gen(function* () {
      const { url } = yield* freshDatabase
      const wrong = withParts(url, { password: secret })
      const letsAnybodyIn = Exit.isSuccess(
        yield* Effect.exit(onDatabase(wrong, (sql) => sql`SELECT 1`.unprepared))
      )
      context.skip(letsAnybodyIn, "this server asks nobody for a password")
      const error = yield* refusal(wrong)
      const user = new URL(Redacted.value(url)).username
      assert.deepStrictEqual(
        error,
        refused(
          "authentication",
          `Postgres at ${place(url)} did not accept the user or the password (password authentication failed for user "${user}"). Nothing was performed; mend DATABASE_URL or the client's configuration.`
        )
      )
      assert.notInclude(JSON.stringify(error), secret)
    })
  )

  it.live("as a user that may not log in", () =>
    Effect.gen(function* () {
      const { name: role, sql } = yield* freshRole
      const { url } = yield* freshDatabase
      yield* sql`ALTER ROLE ${sql(role)} NOLOGIN`
      const error = yield* refusal(withParts(url, { username: role, password: secret }))
      assert.strictEqual(error.problem, "authentication")
      assert.include(error.message, `Postgres at ${place(url)} did not accept the user or the password`)
      assert.include(error.message, "mend DATABASE_URL")
      assert.notInclude(JSON.stringify(error), secret)
    })
  )

  it.live("on a database that does not exist, and says to create it", () =>
    Effect.gen(function* () {
      const { url } = yield* freshDatabase
      const absent = withParts(url, { pathname: "/no_such_database" })
      const error = yield* refusal(absent)
      assert.strictEqual(error.problem, "unreachable")
      assert.include(error.message, `Postgres at ${place(absent)} `)
      assert.include(error.message, `(database "no_such_database" does not exist)`)
      assert.include(error.message, "create the database")
      assert.notInclude(error.message, "start it")
    })
  )

  it.live("and names the database that it was led to, where a field of the client overrides its URL", () =>
    Effect.gen(function* () {
      const { url } = yield* freshDatabase
      const client = PgClient.layer({ url, database: "no_such_database" })
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(FibricPostgres.layer.pipe(Layer.provide(client))))
      )
      assert.instanceOf(error, StartRefused)
      assert.include(
        error.message,
        `Postgres at ${place(withParts(url, { pathname: "/no_such_database" }))} `
      )
    })
  )

  it.live(`${fault("server reads only")} where the database only reads, as a replica does, and says so`, () =>
    Effect.gen(function* () {
      const { url } = yield* freshDatabase
      const client = PgClient.layer({
        url,
        startupParameters: { default_transaction_read_only: "on" }
      })
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(FibricPostgres.layer.pipe(Layer.provide(client))))
      )
      assert.instanceOf(error, StartRefused)
      assert.strictEqual(error.problem, "not_permitted")
      assert.include(error.message, `Postgres at ${place(url)} `)
      assert.include(error.message, "read-only transaction")
      assert.notInclude(error.message, "start it")
    })
  )

  it.live(
    `${fault("schema newer")} on a schema that a newer fibric has written, and leaves it as it is`,
    () =>
      Effect.gen(function* () {
        const { url } = yield* freshDatabase
        yield* start(url)
        const newer = knownVersion + 1
        yield* onDatabase(
          url,
          (sql) => sql`INSERT INTO fibric.migrations (migration_id, name) VALUES (${newer}, 'later')`
        )
        const error = yield* refusal(url)
        assert.deepStrictEqual(
          error,
          refused(
            "newer_schema",
            `The schema "fibric" in ${place(url)} is at version ${newer}, and this fibric knows ${knownVersion}. Nothing was performed; start a newer fibric here, or point this one at another database.`
          )
        )
        const workers = yield* onDatabase(url, (sql) => sql`SELECT count(*)::int AS count FROM fibric.worker`)
        assert.deepStrictEqual(workers, [{ count: 1 }])
      })
  )

  it.live("where its role may not create the schema, and says what to grant", () =>
    Effect.gen(function* () {
      const { name: role } = yield* freshRole
      const { name, url } = yield* freshDatabase
      const error = yield* refusal(withParts(url, { username: role, password: secret }))
      assert.deepStrictEqual(
        error,
        refused(
          "not_permitted",
          `Postgres at ${place(url)} does not let this role do what the ledger needs (permission denied for database ${name}). Nothing was performed; grant the role CREATE on the database, or let its owner migrate first.`
        )
      )
    })
  )

  it.live("where the schema can't be brought up to date, names what Postgres said, and leaves no half", () =>
    Effect.gen(function* () {
      const { url } = yield* freshDatabase
      yield* onDatabase(url, (sql) =>
        Effect.andThen(sql`CREATE SCHEMA fibric`, sql`CREATE TABLE fibric.worker (foreign_to_us integer)`)
      )
      const error = yield* refusal(url)
      assert.strictEqual(error.problem, "migration_failed")
      assert.include(error.message, `The schema "fibric" in ${place(url)} could not be brought up to date`)
      assert.include(error.message, `relation "worker" already exists`)
      const tables = yield* onDatabase(
        url,
        (sql) => sql`
          SELECT relname AS name FROM pg_class
          WHERE relnamespace = 'fibric'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname`
      )
      assert.deepStrictEqual(tables, [{ name: "migrations" }, { name: "worker" }])
    })
  )
})

describe("fibric starts", () => {
  it.live(`${fault("migrated at once")} eight times at once on an empty database, and migrates it once`, () =>
    Effect.gen(function* () {
      const { url } = yield* freshDatabase
      yield* Effect.forEach(
        Array.from({ length: 8 }),
        () => Layer.build(FibricPostgres.layer.pipe(Layer.provide(layerClient(url)))),
        { concurrency: "unbounded" }
      )
      const found = yield* onDatabase(
        url,
        (sql) => sql`
          SELECT (SELECT json_agg(migration_id ORDER BY migration_id) FROM fibric.migrations) AS migrations,
            (SELECT count(*)::int FROM fibric.ledger_info) AS secrets,
            (SELECT count(*)::int FROM fibric.worker) AS workers`
      )
      const migrations = Array.from({ length: knownVersion }, (_, index) => index + 1)
      assert.deepStrictEqual(found, [{ migrations, secrets: 1, workers: 8 }])
    })
  )

  it.live("for a role that may create in an empty database and is no superuser", () =>
    Effect.gen(function* () {
      const { name: role } = yield* freshRole
      const { name, url } = yield* freshDatabase
      yield* onDatabase(url, (sql) => sql`GRANT CREATE ON DATABASE ${sql(name)} TO ${sql(role)}`)
      yield* start(withParts(url, { username: role, password: secret }))
    })
  )

  it.live("for a role that may only read and write rows, once the owner has migrated", () =>
    Effect.gen(function* () {
      const { name: role } = yield* freshRole
      const { url } = yield* freshDatabase
      yield* start(url)
      yield* onDatabase(url, (sql) =>
        Effect.andThen(
          sql`GRANT USAGE ON SCHEMA fibric TO ${sql(role)}`,
          sql`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA fibric TO ${sql(role)}`
        )
      )
      yield* start(withParts(url, { username: role, password: secret }))
    })
  )

  it.live("again on its own database and changes nothing there", () =>
    Effect.gen(function* () {
      const { url } = yield* freshDatabase
      yield* start(url)
      // Its background may have been cut off before it got there.
      yield* onDatabase(url, (sql) => sql`SELECT part FROM fibric.make_months(${monthsAhead}::int) AS part`)
      const before = yield* everythingLasting(url)
      yield* start(url)
      assert.deepStrictEqual(yield* everythingLasting(url), before)
    })
  )
})

/** The schema's relations with the transaction that last touched them, the steps, and the secret. */
const everythingLasting = (url: Redacted.Redacted<string>) =>
  onDatabase(
    url,
    (sql) => sql`
      SELECT
        (SELECT json_agg(json_build_object('name', relname, 'oid', oid::int, 'touched', xmin::text) ORDER BY oid)
          FROM pg_class WHERE relnamespace = 'fibric'::regnamespace) AS relations,
        (SELECT json_agg(steps ORDER BY migration_id) FROM fibric.migrations AS steps) AS steps,
        (SELECT json_agg(info) FROM fibric.ledger_info AS info) AS info`
  )
