/**
 * The command line's host: `fibric` over the Postgres that `DATABASE_URL` names.
 *
 * It opens a ledger that is there and makes none: a person who looks at the wrong database must not
 * find a new, empty ledger in it. It starts no runtime, so nothing is claimed, reaped or recovered.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { PgClient } from "@effect/sql-pg"
import { Config, Effect, Layer, Logger, Schema } from "effect"
import type * as Command from "effect/cli/Command"
import * as Settings from "../kernel/Settings.ts"
import * as LedgerClient from "../postgres/LedgerClient.ts"
import { schemaVersion } from "../postgres/Migration.ts"
import { knownVersion } from "../postgres/migrations/index.ts"
import * as PgLedger from "../postgres/PgLedger.ts"
import * as PgOutbox from "../postgres/PgOutbox.ts"
import * as PgReceiptLog from "../postgres/PgReceiptLog.ts"
import * as PgRetention from "../postgres/PgRetention.ts"
import * as PgRoles from "../postgres/PgRoles.ts"
import * as PgSeals from "../postgres/PgSeals.ts"
import { refusalOf, targetOf } from "../postgres/Refusal.ts"
import * as ServerIdentity from "../postgres/ServerIdentity.ts"
import * as Cli from "../surface/cli/Cli.ts"
import { ServerRecord } from "../surface/cli/LedgerAcknowledge.ts"
import type { Ended } from "../surface/cli/refusals.ts"
import { layerClient } from "./embedded.ts"

/** There is no ledger to work on that this command line understands. Nothing was changed. */
class NoLedger extends Schema.TaggedError<NoLedger>()("NoLedger", { sentence: Schema.String }) {
  override get message() {
    return this.sentence
  }
}

const layerDatabase = Layer.unwrap(
  Config.Redacted("DATABASE_URL").pipe(
    Effect.map(layerClient),
    Effect.mapError(
      () =>
        new NoLedger({
          sentence:
            "DATABASE_URL is not set, so there is no ledger to look at. Nothing was changed; set it to the database that fibric runs on, such as postgres://user@host:5432/shop."
        })
    )
  )
)

/** The client of a database that has a ledger of this version in it. */
const layerFound = Layer.effectDiscard(
  Effect.gen(function* () {
    const { config } = yield* PgClient.PgClient
    const target = targetOf(config)
    const version = yield* Effect.mapError(schemaVersion, (error) => refusalOf(error, target))
    if (version === knownVersion) return
    return yield* new NoLedger({
      sentence:
        version === 0
          ? `There is no ledger in ${target}. Nothing was changed; set DATABASE_URL to the database that fibric runs on.`
          : `The ledger in ${target} is at version ${version}, and this command line knows ${knownVersion}. Nothing was changed; ${version < knownVersion ? "start the fibric of this version there once, which brings it up to date" : "use the command line of the fibric that runs there"}.`
    })
  })
).pipe(Layer.provideMerge(layerDatabase))

/**
 * Whether a server that may forget is good enough was decided by whoever claims on it. A verdict that is
 * lost there leaves a doubt, and its receipt names the risk.
 */
const layerSettings = Settings.layer({ acceptedRisks: ["fsync=off", "full_page_writes=off"] })

const layerLedger = PgLedger.layer.pipe(
  Layer.provide(LedgerClient.layer),
  Layer.provide([layerFound, layerSettings])
)

const layerServer = Layer.effect(
  ServerRecord,
  Effect.map(PgClient.PgClient, (sql) =>
    ServerRecord.of({
      acknowledge: (statement) =>
        Effect.mapError(ServerIdentity.acknowledge(sql, statement), (error) =>
          refusalOf(error, targetOf(sql.config))
        )
    })
  )
).pipe(Layer.provide(layerFound))

const layerReceipts = Layer.mergeAll(PgReceiptLog.layer, PgSeals.layer, PgRetention.layer).pipe(
  Layer.provide(LedgerClient.layerCommand),
  Layer.provide(layerFound)
)

const layerOutbox = PgOutbox.layer.pipe(Layer.provide(LedgerClient.layerCommand), Layer.provide(layerFound))

const layerRoles = PgRoles.layer.pipe(Layer.provide(layerFound))

/** Runs one command line over `DATABASE_URL`. */
export const run = (
  version: string,
  args: ReadonlyArray<string>
): Effect.Effect<void, Ended, Command.Environment> =>
  Cli.run(
    {
      version,
      ledger: layerLedger,
      server: layerServer,
      receipts: layerReceipts,
      outbox: layerOutbox,
      roles: layerRoles
    },
    args
  )

/** The process: its arguments, its exit code. A bug is told on stderr, with its stack. */
export const main = (version: string, args: ReadonlyArray<string>): void =>
  NodeRuntime.runMain(
    run(version, args).pipe(
      Effect.tapDefect(Effect.logError),
      Effect.provideService(Logger.LogToStderr, true),
      Effect.provide(NodeServices.layer)
    ),
    { disableErrorReporting: true }
  )
