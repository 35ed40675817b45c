/**
 * LedgerClient: the ledger's own connections to Postgres.
 *
 * It takes where the database is from the app's `PgClient` and opens a pool of its own: no
 * transaction of the app can hold a claim open or roll it back, and the app's renaming and type
 * settings don't reach the ledger's rows. Before the pool opens, one connection looks at the server,
 * brings the schema up to date, and refuses to start where the promise can't be kept.
 */
import { PgClient, PgTypes } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlError } from "effect/sql"
import { LedgerUnavailable, type StartRefused } from "../domain/errors.ts"
import { type DurabilityRisk, Settings } from "../kernel/Settings.ts"
import * as Timers from "../kernel/Timers.ts"
import { bringUpToDate } from "./Migration.ts"
import { detailOf, refusalOf, targetOf } from "./Refusal.ts"
import { checkDurability, checkRights, checkTransactions } from "./ServerChecks.ts"
import { checkIdentity } from "./ServerIdentity.ts"

export { detailOf } from "./Refusal.ts"

export class LedgerClient extends Context.Service<
  LedgerClient,
  {
    readonly sql: PgClient.PgClient
    /**
     * For statements of many rows: they wait for a row that somebody holds a moment and no longer, and find
     * rows through indexes however old the tables' statistics are.
     */
    readonly together: PgClient.PgClient
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

/** How many connections the ledger opens at most: for one row, and for many. */
const maxConnections = 6
const maxConnectionsTogether = 3

/** How long a statement of many rows waits for one of them. */
const lockMillisTogether = 250

/** Connects, checks, migrates. Fails with one sentence that says what to do. */
export const layer: Layer.Layer<LedgerClient, StartRefused, PgClient.PgClient> = Layer.effect(
  LedgerClient,
  Effect.gen(function* () {
    const { config } = yield* PgClient.PgClient
    const { acceptedRisks, leaseMillis } = yield* Settings
    const target = targetOf(config)
    const present = yield* prepare(config, target, acceptedRisks)
    const open = (limits: Readonly<Record<string, string>>, maxConnections: number) =>
      PgClient.make(poolConfig(config, { acceptedRisks, present, leaseMillis, limits, maxConnections })).pipe(
        Effect.provide(Reactivity.layer),
        Effect.mapError((error) => refusalOf(error, target))
      )
    const sql = yield* open({}, maxConnections)
    const together = yield* open(
      {
        lock_timeout: String(lockMillisTogether),
        enable_seqscan: "off",
        // Planning such a statement takes longer than running it.
        plan_cache_mode: "force_generic_plan"
      },
      maxConnectionsTogether
    )
    const timers = yield* Timers.make(yield* Effect.scope)
    const limitMillis = statementMillis(leaseMillis) + answerMarginMillis
    return { sql, together, confirmed: confirmedWithin(timers, limitMillis) }
  })
)

/** A command may take longer than a worker's statement: whoever typed it waits, and can end it. */
const commandMillis = 600_000

/**
 * The same connections for a command that reads, or that has the database do one thing: nothing is looked
 * at, migrated or asked of the role first, and what it may not do is refused by the database itself.
 */
export const layerCommand: Layer.Layer<LedgerClient, StartRefused, PgClient.PgClient> = Layer.effect(
  LedgerClient,
  Effect.gen(function* () {
    const { config } = yield* PgClient.PgClient
    const sql = yield* PgClient.make({
      ...ownConfig(config, [], { statement_timeout: String(commandMillis) }),
      maxConnections: 2
    }).pipe(
      Effect.provide(Reactivity.layer),
      Effect.mapError((error) => refusalOf(error, targetOf(config)))
    )
    const timers = yield* Timers.make(yield* Effect.scope)
    return { sql, together: sql, confirmed: confirmedWithin(timers, commandMillis + answerMarginMillis) }
  })
)

/**
 * Makes the database fit to be started on, over a connection that ends with it. Answers with the risks
 * that are there and were accepted.
 */
const prepare = Effect.fnUntraced(function* (
  config: PgClient.PgClientConfig,
  target: string,
  accepted: ReadonlyArray<DurabilityRisk>
) {
  const sql = yield* PgClient.makeClient(preparingConfig(config, accepted)).pipe(
    Effect.provide(Reactivity.layer),
    Effect.mapError((error) => refusalOf(error, target))
  )
  return yield* Effect.gen(function* () {
    // First, so that nothing is written to a server that can't be started on.
    const present = yield* checkDurability(target, accepted)
    yield* bringUpToDate(target)
    yield* checkRights(target)
    yield* checkIdentity(target)
    yield* checkTransactions(target)
    return present
  }).pipe(Effect.provideService(SqlClient.SqlClient, sql))
}, Effect.scoped)

/** A statement that outlives the lease can only come back as doubt: the server cuts it well before. */
const statementMillis = (leaseMillis: number): number => Math.max(1_000, Math.floor(leaseMillis / 2))

/** How much longer than the server we wait, for the way there and back. */
const answerMarginMillis = 2_000

/** What all of the ledger's connections have in common. */
const ownConfig = (
  config: PgClient.PgClientConfig,
  accepted: ReadonlyArray<DurabilityRisk>,
  parameters: Readonly<Record<string, string>>
): PgClient.PgClientConfig => {
  const { transformQueryNames: _q, transformResultNames: _r, ...where } = config
  return {
    ...where,
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
      ...(accepted.includes("synchronous_commit=off") ? {} : { synchronous_commit: "on" }),
      ...parameters
    }
  }
}

const poolConfig = (
  config: PgClient.PgClientConfig,
  options: {
    readonly acceptedRisks: ReadonlyArray<DurabilityRisk>
    readonly present: ReadonlyArray<DurabilityRisk>
    readonly leaseMillis: number
    readonly limits: Readonly<Record<string, string>>
    readonly maxConnections: number
  }
): PgClient.PgPoolConfig => {
  const { acceptedRisks, leaseMillis, limits, maxConnections, present } = options
  const limit = String(statementMillis(leaseMillis))
  return {
    ...ownConfig(config, acceptedRisks, {
      statement_timeout: limit,
      lock_timeout: limit,
      idle_in_transaction_session_timeout: limit,
      ...limits,
      // Every receipt that these connections write names it: it is the column's default.
      ...(present.length === 0 ? {} : { "fibric.durability": present.join(", ") })
    }),
    maxConnections
  }
}

/**
 * Changing a table that others use waits for them, and everybody else waits behind it: never for long.
 * Longer, though, than the second after which Postgres ends a vacuum that stands in the way.
 */
const lockMillis = 2_000

/** A starter that is stopped in the middle of a step holds the ledger's tables no longer than this. */
const idleInStepMillis = 5_000

const preparingConfig = (
  config: PgClient.PgClientConfig,
  accepted: ReadonlyArray<DurabilityRisk>
): PgClient.PgClientConfig =>
  ownConfig(config, accepted, {
    statement_timeout: "0",
    lock_timeout: String(lockMillis),
    idle_in_transaction_session_timeout: String(idleInStepMillis)
  })

/** Fails where the database says anything but yes, and where it says nothing for so long. */
export const confirmedWithin =
  (timers: Timers.Timers, limitMillis: number): LedgerClient["Service"]["confirmed"] =>
  (operation, statement) =>
    Timers.within(
      timers,
      limitMillis,
      Effect.mapError(
        statement,
        ({ reason }) => new LedgerUnavailable({ operation, reason: `${reason._tag}: ${detailOf(reason)}` })
      ),
      () => new LedgerUnavailable({ operation, reason: `no answer within ${limitMillis} ms` })
    )
