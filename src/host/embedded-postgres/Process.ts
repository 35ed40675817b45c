/**
 * Processes of the operating system: which one is meant, whether it is still
 * that one, and how to end it.
 *
 * A pid alone names nobody: the system hands it out again. An identity is the
 * pid together with the moment the process started, and nothing is signalled
 * whose identity does not hold at that time. The system's process table owns
 * the truth; we only ever read it.
 */
import { execFile, type SpawnOptions } from "node:child_process"
import { readFile, readlink } from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"

export interface ProcessIdentity {
  readonly pid: number
  /** Opaque: equal for the same process, different for a later one under the same pid, also after a reboot. */
  readonly startedAt: string
}

/**
 * The whole environment of every child. Nothing is inherited, so that a
 * `PGDATA`, an `LD_PRELOAD` or a locale of the caller's shell changes nothing.
 */
export const childEnvironment = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" }

export interface Finished {
  /** `undefined` when the program could not be run at all, or was ended by a signal. */
  readonly code: number | undefined
  readonly output: string
}

const outputBytes = 1024 * 1024

/** Runs a short program to its end, its output kept up to 1 MiB. Interruption kills it. */
export const run = (file: string, args: ReadonlyArray<string>, options: SpawnOptions = {}) =>
  Effect.callback<Finished>((resume, signal) => {
    const ids = {
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid })
    }
    const settings = { cwd: "/", env: childEnvironment, maxBuffer: outputBytes, signal, ...ids }
    execFile(file, args, settings, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`
      if (error === null) return resume(Effect.succeed({ code: 0, output }))
      const code = typeof error.code === "number" ? error.code : undefined
      resume(Effect.succeed({ code, output: output === "" ? error.message : output }))
    })
  })

const textOf = (path: string) =>
  Effect.promise(() => readFile(path, "utf8").then(Option.some, (): Option.Option<string> => Option.none()))

const isLinux = process.platform === "linux"

/** In `/proc/<pid>/stat` after the name in brackets: the state is field 3, the start in ticks field 22. */
const identifyOnLinux = Effect.fnUntraced(function* (pid: number) {
  const stat = yield* textOf(`/proc/${pid}/stat`)
  if (Option.isNone(stat)) return Option.none<ProcessIdentity>()
  const fields = stat.value.slice(stat.value.lastIndexOf(")") + 2).split(" ")
  const [state] = fields
  const ticks = fields[19]
  if (ticks === undefined || state === "Z" || state === "X") return Option.none<ProcessIdentity>()
  const boot = Option.getOrElse(yield* textOf("/proc/sys/kernel/random/boot_id"), () => "")
  return Option.some<ProcessIdentity>({ pid, startedAt: `${boot.trim()}/${ticks}` })
})

const identifyWithPs = Effect.fnUntraced(function* (pid: number) {
  const listed = yield* run("/bin/ps", ["-o", "state=,lstart=", "-p", String(pid)])
  const [, state, startedAt] = /^\s*(\S+)\s+(.+?)\s*$/.exec(listed.output) ?? []
  if (listed.code !== 0 || startedAt === undefined || state?.startsWith("Z") === true) {
    return Option.none<ProcessIdentity>()
  }
  return Option.some<ProcessIdentity>({ pid, startedAt })
})

/** Who has this pid now. A zombie is nobody: it holds no file and answers nothing. */
export const identify: (pid: number) => Effect.Effect<Option.Option<ProcessIdentity>> = isLinux
  ? identifyOnLinux
  : identifyWithPs

export const isAlive = (identity: ProcessIdentity) =>
  Effect.map(
    identify(identity.pid),
    Option.exists((now) => now.startedAt === identity.startedAt)
  )

/** The arguments a process was started with, and the folder it is in where the system tells. */
export const describe = Effect.fnUntraced(function* (pid: number) {
  if (!isLinux) {
    const listed = yield* run("/bin/ps", ["-ww", "-o", "command=", "-p", String(pid)])
    return { command: listed.output, folder: "" }
  }
  const command = Option.getOrElse(yield* textOf(`/proc/${pid}/cmdline`), () => "")
  const folder = yield* Effect.promise(() => readlink(`/proc/${pid}/cwd`).catch(() => ""))
  return { command: command.replaceAll("\0", " "), folder }
})

/** How long each way of asking is given before the next, harsher one. */
const signals = [
  /** Fast shutdown: sessions are ended, everything is written, the next start needs no recovery. */
  ["SIGINT", "15 seconds"],
  /** Immediate shutdown: nothing is written, the next start recovers from the log. */
  ["SIGQUIT", "5 seconds"],
  ["SIGKILL", "5 seconds"]
] as const

const ask = (identity: ProcessIdentity, signal: NodeJS.Signals) =>
  Effect.sync(() => {
    try {
      process.kill(identity.pid, signal)
    } catch {
      // Gone already, or not ours to signal: the next look at the process table tells which.
    }
  })

/**
 * Ends a Postgres server: fast shutdown first, harsher after each bound, 25
 * seconds in all. `still_running` means that it outlived SIGKILL.
 */
export const stop = Effect.fnUntraced(function* (identity: ProcessIdentity) {
  for (const [signal, bound] of signals) {
    if (!(yield* isAlive(identity))) return "stopped" as const
    yield* ask(identity, signal)
    const alive = yield* Effect.repeat(isAlive(identity), {
      while: (alive) => alive,
      schedule: Schedule.spaced("20 millis").pipe(Schedule.upTo({ duration: bound }))
    })
    if (!alive) return "stopped" as const
  }
  return (yield* isAlive(identity)) ? ("still_running" as const) : ("stopped" as const)
})
