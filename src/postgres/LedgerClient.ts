/**
 * LedgerClient: the ledger's own connections to Postgres.
 *
 * It takes where the database is from the app's `PgClient` and opens a pool of its own: no
 * transaction of the app can hold a claim open or roll it back, and the app's renaming and type
 * settings don't reach the ledger's rows. On opening it brings the schema up to date and refuses to
 * start where it can't keep the promise.
 */
import { PgClient, PgTypes } from "@effect/sql-pg"
import { Context, Effect, Layer, Predicate, Redacted, Schedule } from "effect"
import { Reactivity } from "effect/reactivity"
import { Migrator, SqlClient, SqlError } from "effect/sql"
import { LedgerUnavailable, StartRefused } from "../domain/errors.ts"
import { Settings } from "../kernel/Settings.ts"
import { knownVersion, migrations } from "./migrations.ts"

export class LedgerClient extends Context.Service<
  LedgerClient,
  {
    readonly sql: PgClient.PgClient
    /**
     * A statement's answer, or `LedgerUnavailable`: whatever the database says instead of a
     * confirmation, and also where it says nothing for longer than a statement may take.
     */
    readonly confirmed: <A>(
      operation: string,
      statement: Effect.Effect<A, SqlError.SqlError>
    ) => Effect.Effect<A, LedgerUnavailable>
  }
>()("fibric/postgres/LedgerClient") {}

/** How many connections the ledger opens at most. */
const maxConnections = 8

const migrationsTable = "fibric.migrations"

/** Connects, migrates, checks. Fails with one sentence that says what to do. */
export const layer: Layer.Layer<LedgerClient, StartRefused, PgClient.PgClient> = Layer.effect(
  LedgerClient,
  Effect.gen(function* () {
    const app = yield* PgClient.PgClient
    const { leaseMillis } = yield* Settings
    const target = targetOf(app.config)
    const client = yield* PgClient.make(ownConfig(app.config, leaseMillis)).pipe(
      Effect.provide(Reactivity.layer),
      Effect.mapError((error) => refusalOf(error, target))
    )
    yield* migrate(target).pipe(Effect.provideService(SqlClient.SqlClient, client))
    return { sql: client, confirmed: confirmedWithin(statementMillis(leaseMillis) + answerMarginMillis) }
  })
)

/** A statement that outlives the lease can only come back as doubt: the server cuts it well before. */
const statementMillis = (leaseMillis: number): number => Math.max(1_000, Math.floor(leaseMillis / 2))

/** How much longer than the server we wait, for the way there and back. */
const answerMarginMillis = 2_000

const ownConfig = (config: PgClient.PgClientConfig, leaseMillis: number): PgClient.PgPoolConfig => {
  const { transformQueryNames: _q, transformResultNames: _r, ...where } = config
  const limit = String(statementMillis(leaseMillis))
  return {
    ...where,
    maxConnections,
    applicationName: "fibric",
    // A registry of its own: the process may have changed how a type is read, for everybody else.
    types: PgTypes.makeRegistry(),
    multiplex: false,
    // The app may wait for ever; a ledger that can't be reached has to say so.
    connectTimeout: "5 seconds",
    startupParameters: {
      ...config.startupParameters,
      default_transaction_isolation: "read committed",
      // The claim is the dispatch mark: it is on disk before a byte leaves, whatever the role's default.
      synchronous_commit: "on",
      statement_timeout: limit,
      lock_timeout: limit,
      idle_in_transaction_session_timeout: limit
    }
  }
}

/**
 * Brings the schema up to date. Safe where several processes start at once: one of them migrates, the
 * others wait for it. A schema that is up to date is only read, so a role without the right to create
 * can work on what its owner has migrated.
 */
const migrate = Effect.fnUntraced(function* (target: string) {
  const sql = yield* SqlClient.SqlClient
  const refuse = (error: SqlError.SqlError) => refusalOf(error, target)
  const found = yield* Effect.mapError(schemaVersion, refuse)
  if (found < knownVersion) {
    // Two processes that create the schema at the same instant collide once; the second then finds it.
    yield* Effect.retry(sql`CREATE SCHEMA IF NOT EXISTS fibric`, Schedule.recurs(3)).pipe(
      Effect.mapError(refuse)
    )
    yield* Migrator.make({})({ loader: Migrator.fromRecord(migrations), table: migrationsTable }).pipe(
      Effect.mapError((error) =>
        error._tag === "SqlError" ? refuse(error) : migrationRefused(error, target)
      )
    )
  }
  const version = yield* Effect.mapError(schemaVersion, refuse)
  if (version > knownVersion) {
    return yield* new StartRefused({
      problem: "newer_schema",
      sentence: `The schema "fibric" in ${target} is at version ${version}, and this fibric knows ${knownVersion}. Nothing was performed; start a newer fibric here, or point this one at another database.`
    })
  }
})

/** The newest migration that has landed; 0 where there is none. */
const schemaVersion = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [table] = yield* sql<{ exists: boolean }>`
    SELECT to_regclass(${migrationsTable}) IS NOT NULL AS exists`
  if (table?.exists !== true) return 0
  const [newest] = yield* sql<{
    version: number | null
  }>`SELECT max(migration_id) AS version FROM fibric.migrations`
  return newest?.version ?? 0
})

const migrationRefused = (error: Migrator.MigrationError, target: string): StartRefused =>
  new StartRefused({
    problem: "migration_failed",
    sentence: `The schema "fibric" in ${target} could not be brought up to date: ${error.message} (${detailOfMigration(error)}). Nothing was performed; give the role the right to create in that schema, or look at the database's log.`
  })

const detailOfMigration = ({ cause, kind }: Migrator.MigrationError): string =>
  cause instanceof SqlError.SqlError ? detailOf(cause.reason) : kind

/** Where the database is, without what opens it. A field of the client overrides its URL. */
export const targetOf = (config: PgClient.PgClientConfig): string => {
  const url = config.url === undefined ? null : URL.parse(Redacted.value(config.url))
  if (url === null && config.url !== undefined) return "the given URL"
  const host = config.path ?? config.host ?? decoded(url?.hostname ?? "")
  const port = config.port ?? (url === null || url.port === "" ? 5432 : url.port)
  const database = config.database ?? decoded(url?.pathname.slice(1) ?? "")
  return `${host === "" ? "localhost" : host}:${port}/${database === "" ? (config.username ?? "") : database}`
}

/** A part of a URL as a person reads it; one that can't be decoded as it stands, for the driver to refuse. */
const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Says in one sentence why there is no database, and what to do. */
export const refusalOf = (error: SqlError.SqlError, target: string): StartRefused => {
  const { reason } = error
  const detail = detailOf(reason)
  if (reason._tag === "AuthenticationError") {
    return new StartRefused({
      problem: "authentication",
      sentence: `Postgres at ${target} did not accept the user or the password (${detail}). Nothing was performed; mend DATABASE_URL or the client's configuration.`
    })
  }
  const code = codeOf(reason)
  if (code === readOnlyTransaction) {
    return new StartRefused({
      problem: "not_permitted",
      sentence: `Postgres at ${target} takes no writes (${detail}). Nothing was performed; point fibric at the primary, or let its role write.`
    })
  }
  if (reason._tag === "AuthorizationError") {
    return new StartRefused({
      problem: "not_permitted",
      sentence: `Postgres at ${target} does not let this role do what the ledger needs (${detail}). Nothing was performed; grant the role CREATE on the database, or let its owner migrate first.`
    })
  }
  const remedy = code === noSuchDatabase ? "create the database" : "start it"
  return new StartRefused({
    problem: "unreachable",
    sentence: `Postgres at ${target} can't be used (${detail}). Nothing was performed; ${remedy}, or mend DATABASE_URL or the client's configuration.`
  })
}

// Postgres's own codes, which the driver keeps on the cause.
const noSuchDatabase = "3D000"
const readOnlyTransaction = "25006"

const codeOf = ({ cause }: SqlError.SqlErrorReason): string | undefined =>
  Predicate.hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : undefined

/** The driver's own message says little; its cause has what the server or the socket said. */
export const detailOf = (reason: SqlError.SqlErrorReason): string => {
  const { cause } = reason
  return cause instanceof Error && cause.message !== "" ? cause.message : (reason.message ?? reason._tag)
}

/** Fails where the database says anything but yes, and where it says nothing for so long. */
export const confirmedWithin =
  (limitMillis: number): LedgerClient["Service"]["confirmed"] =>
  (operation, statement) =>
    statement.pipe(
      Effect.mapError(
        ({ reason }) => new LedgerUnavailable({ operation, reason: `${reason._tag}: ${detailOf(reason)}` })
      ),
      Effect.timeoutOrElse({
        duration: limitMillis,
        orElse: () =>
          Effect.fail(new LedgerUnavailable({ operation, reason: `no answer within ${limitMillis} ms` }))
      })
    )
