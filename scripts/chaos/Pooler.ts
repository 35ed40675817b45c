/**
 * Pooler: pgbouncer in transaction mode between the wire and the server. A session of a worker's is
 * another one of the server's for each transaction; what is set for a session, and what it listens to,
 * is lost.
 */
import { Config, Effect, Option, Redacted, Schedule } from "effect"
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Account from "../../src/host/embedded-postgres/Account.ts"
import type { Server } from "./Server.ts"
import { NotRun } from "./Stage.ts"

/** What the ledger's connections ask for at their start, and what the pooler can't keep for them. */
const ignored = [
  "default_transaction_isolation",
  "synchronous_commit",
  "statement_timeout",
  "lock_timeout",
  "idle_in_transaction_session_timeout",
  "extra_float_digits",
  "fibric.durability",
  "options"
]

const configuration = (folder: string, socketFolder: string) => `
[databases]
* = host=${socketFolder} port=5432
[pgbouncer]
listen_addr =
listen_port = 5432
unix_socket_dir = ${folder}
auth_type = trust
auth_file = ${join(folder, "users")}
pool_mode = transaction
default_pool_size = 20
max_client_conn = 400
server_login_retry = 0.2
server_connect_timeout = 3
query_wait_timeout = 5
ignore_startup_parameters = ${ignored.join(", ")}
`

/** Starts it, for as long as the scope lives; answers with its socket. `PGBOUNCER` says where it is. */
export const make = Effect.fnUntraced(function* (server: Server) {
  const given = yield* Config.option(Config.String("PGBOUNCER"))
  const program = Option.getOrElse(given, () => "/usr/sbin/pgbouncer")
  if (!existsSync(program)) {
    return yield* new NotRun({ stage: "pgbouncer", reason: `${program} is not there (Debian: pgbouncer)` })
  }
  const account = yield* Account.find
  const folder = join(server.directory, "pooler")
  const { username, password } = new URL(Redacted.value(server.url()))
  const files = { ini: join(folder, "ini"), users: join(folder, "users") }
  yield* Effect.promise(async () => {
    await mkdir(folder)
    await writeFile(files.ini, configuration(folder, server.socketFolder))
    await writeFile(files.users, `"${username}" "${decodeURIComponent(password)}"\n`, { mode: 0o600 })
  })
  yield* Effect.forEach([folder, files.ini, files.users], (path) => Account.give(account, path))
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(program, ["-q", files.ini], {
        cwd: "/",
        stdio: ["ignore", "ignore", "ignore"],
        detached: true,
        ...Account.ids(account)
      })
      const ended = new Promise<void>((resolve) => {
        child.once("exit", () => resolve())
        child.once("error", () => resolve())
      })
      return { child, ended }
    }),
    ({ child, ended }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return ended
      })
  )
  const socket = join(folder, ".s.PGSQL.5432")
  yield* Effect.repeat(
    Effect.sync(() => existsSync(socket)),
    {
      while: (isThere) => !isThere,
      schedule: Schedule.spaced("20 millis").pipe(Schedule.upTo({ duration: "5 seconds" }))
    }
  )
  if (existsSync(socket)) return socket
  return yield* new NotRun({ stage: "pgbouncer", reason: `${program} did not start` })
})
