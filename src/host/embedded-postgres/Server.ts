/**
 * One running Postgres server: started, waited for, stopped with its scope.
 *
 * The server has a process group of its own. A Ctrl-C in the terminal goes to
 * the whole foreground group; it must reach our process alone, so that what is
 * in flight can be settled while the database still answers.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { constants, lstat, open, rename } from "node:fs/promises"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Account from "./Account.ts"
import { failure, onDisk, wordsOf } from "./EmbeddedPostgresError.ts"
import type { Folder } from "./Folder.ts"
import * as Orphan from "./Orphan.ts"
import * as Process from "./Process.ts"

export interface Plan {
  readonly postgres: string
  readonly account: Account.Account
  readonly folder: Folder
  readonly socketFolder: string
  readonly token: string
  readonly settings: Readonly<Record<string, string>>
  readonly startTimeout: Duration.Input
}

/** What fibric chooses. Everything else is the caller's to set. */
const chosen = (plan: Plan): Readonly<Record<string, string>> => ({
  listen_addresses: "",
  port: "5432",
  unix_socket_directories: `"${plan.socketFolder}"`,
  unix_socket_permissions: "0700",
  logging_collector: "off",
  log_destination: "stderr",
  [Orphan.tokenSetting]: plan.token
})

/** Settings by which the server would be somewhere else, or write somewhere else, than fibric believes. */
const refused = new Set([
  "listen_addresses",
  "port",
  "unix_socket_directories",
  "unix_socket_permissions",
  "unix_socket_group",
  "logging_collector",
  "log_destination",
  "data_directory",
  "config_file",
  "hba_file",
  "ident_file",
  "external_pid_file",
  Orphan.tokenSetting
])

export const checkSettings = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>) {
  for (const [name, value] of Object.entries(settings)) {
    const isName = /^[a-z_][a-z0-9_.]*$/i.test(name) && !value.includes("\0")
    if (isName && !refused.has(name.toLowerCase())) continue
    return yield* failure(
      "setting_refused",
      `The setting ${name}=${value} can't be given to the embedded Postgres: ${isName ? "fibric chooses it" : "that is not a setting"}. Leave it out.`
    )
  }
})

const argumentsOf = (plan: Plan) => {
  const settings = Object.entries({ ...plan.settings, ...chosen(plan) })
  return ["-D", plan.folder.data, ...settings.flatMap(([name, value]) => ["-c", `${name}=${value}`])]
}

const logBytes = 8 * 1024 * 1024

/** Appends; a log over 8 MiB becomes the previous one first. Within one run the log is not bounded. */
const openLog = async ({ log }: Folder) => {
  const size = await lstat(log).then(
    (stat) => stat.size,
    () => 0
  )
  if (size > logBytes) await rename(log, `${log}.previous`)
  // As root the folder may be somebody's: a link put in the log's place is not followed.
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW
  return open(log, flags, 0o600)
}

const tailBytes = 16 * 1024

/** The last lines the server wrote since `start`, an offset into its log. */
const tailOf = ({ log }: Folder, start: number) =>
  Effect.promise(async () => {
    const file = await open(log, "r").catch(() => undefined)
    if (file === undefined) return ""
    try {
      const { size } = await file.stat()
      const from = Math.max(start, size - tailBytes)
      const { buffer, bytesRead } = await file.read(Buffer.alloc(tailBytes), 0, tailBytes, from)
      return buffer.toString("utf8", 0, bytesRead).trimEnd().split("\n").slice(-20).join("\n")
    } finally {
      await file.close()
    }
  })

const launch = (plan: Plan, log: number) =>
  Effect.callback<ChildProcess, ReturnType<typeof failure>>((resume) => {
    const refuse = (cause: unknown) =>
      resume(
        failure(
          "start_failed",
          `${plan.postgres} could not be run: ${wordsOf(cause)}. Check that this user may run it, and that the disk is not mounted noexec.`
        )
      )
    try {
      const child = spawn(plan.postgres, argumentsOf(plan), {
        cwd: "/",
        env: Process.childEnvironment,
        detached: true,
        stdio: ["ignore", log, log],
        ...Account.ids(plan.account)
      })
      // The listener stays: an "error" that nobody hears would end our process.
      child.on("error", refuse)
      child.once("spawn", () => resume(Effect.succeed(child)))
    } catch (cause) {
      refuse(cause)
    }
  })

interface Running {
  readonly child: ChildProcess
  readonly identity: Option.Option<Process.ProcessIdentity>
  readonly logStart: number
}

const acquire = Effect.fnUntraced(function* (plan: Plan) {
  const log = yield* onDisk(`open ${plan.folder.log}`, () => openLog(plan.folder))
  const body = Effect.gen(function* () {
    const { size } = yield* onDisk(`look at ${plan.folder.log}`, () => log.stat())
    const child = yield* launch(plan, log.fd)
    const identity = yield* Process.identify(child.pid ?? 0)
    return { child, identity, logStart: size } satisfies Running
  })
  return yield* Effect.ensuring(body, Effect.ignore(onDisk("close the log", () => log.close())))
})

const release = Effect.fnUntraced(function* ({ identity }: Running) {
  if (Option.isNone(identity)) return
  if ((yield* Process.stop(identity.value)) === "stopped") return
  yield* Effect.logWarning(`The embedded Postgres (process ${identity.value.pid}) outlived SIGKILL.`)
})

const stateOf = Effect.fnUntraced(function* (plan: Plan, { child }: Running) {
  if (child.exitCode !== null || child.signalCode !== null) return "ended" as const
  const file = yield* Orphan.readPidFile(plan.folder)
  const isReady = Option.exists(file, ({ pid, status }) => pid === child.pid && status === "ready")
  return isReady ? ("ready" as const) : ("starting" as const)
})

/**
 * Starts the server and returns its pid when it accepts connections. Closing
 * the scope stops it. A server that ends before, or is late, is a typed error.
 */
export const start = Effect.fnUntraced(function* (plan: Plan) {
  const running = yield* Effect.acquireRelease(acquire(plan), release)
  const state = yield* Effect.repeat(stateOf(plan, running), {
    while: (state) => state === "starting",
    schedule: Schedule.spaced("20 millis").pipe(Schedule.upTo({ duration: plan.startTimeout }))
  })
  const { pid, exitCode, signalCode } = running.child
  if (state === "ready" && pid !== undefined) return pid
  const detail = yield* tailOf(plan.folder, running.logStart)
  if (state === "starting") {
    return yield* failure(
      "start_timed_out",
      `Postgres in ${plan.folder.directory} was not ready after ${Duration.format(Duration.fromInputUnsafe(plan.startTimeout))} and was stopped. After a crash it first replays its log, which takes as long as there is log: give it longer with startTimeout.`,
      detail
    )
  }
  return yield* failure(
    "start_failed",
    `Postgres in ${plan.folder.directory} ended before it was ready (${signalCode ?? `exit code ${exitCode}`}). Its last words are in this error's detail, the rest in ${plan.folder.log}.`,
    detail
  )
})
