/**
 * The shop: fibric with its connector, as any process of the demo starts it. Closing it takes no
 * more requests and waits until everything under way has landed.
 */
import type { PgClient } from "@effect/sql-pg"
import { Layer, type Schema } from "effect"
import { type Connector, type Executor, Settings, type StartRefused, type Verdicts } from "fibric"
import * as Smtp from "fibric/connectors/smtp"
import * as FibricPostgres from "fibric/postgres"
import * as Messaging from "./messaging.ts"

/** What a story needs of fibric. */
export type Kernel = Executor | Verdicts | Connector.Handler<"notify"> | Connector.Handler<"remind">

export interface Options {
  /** Where mails are handed over, on 127.0.0.1. */
  readonly smtpPort: number
  /** How long a process that is not heard of counts as alive. Default: fibric's own, half a minute. */
  readonly leaseMillis?: number
}

/** Starts fibric over the ledger in the `PgClient`'s database. */
export const kernel = ({
  leaseMillis,
  smtpPort
}: Options): Layer.Layer<Kernel, StartRefused | Schema.SchemaError, PgClient.PgClient> =>
  Messaging.layer.pipe(
    Layer.provideMerge(FibricPostgres.layer),
    Layer.provide(Smtp.layer({ host: "127.0.0.1", port: smtpPort, encryption: "none", from: sender })),
    Layer.provide(Settings.layer(bounds(leaseMillis))),
    // Each start is one of its own, also where another kernel of this process is still open.
    Layer.fresh
  )

const sender = { name: "The shop", address: "hello@shop.example" }

const bounds = (leaseMillis: number | undefined) => ({
  // An acknowledgement that is late comes within this; one that is lost is not worth waiting for.
  drainMillis: 3_000,
  ...(leaseMillis === undefined
    ? {}
    : { leaseMillis, beatMillis: leaseMillis / 5, reapMillis: leaseMillis / 10 })
})
