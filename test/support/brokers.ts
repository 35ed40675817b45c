/**
 * Real MQTT brokers for tests: mosquitto, a process of its own, which speaks MQTT 5 and is there where it
 * is installed; and aedes, in this process, which comes with `npm ci` and speaks 3.1.1.
 */
import { spawn } from "node:child_process"
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { createServer as createTlsServer } from "node:tls"
import { Aedes } from "aedes"
import { Effect, Schedule, type Scope } from "effect"
import type { Protocol } from "../../connectors/door/index.ts"

export interface Broker {
  readonly name: "mosquitto" | "aedes"
  readonly protocol: Protocol
  /** On 127.0.0.1, in the clear. */
  readonly port: number
}

const executable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Where a program is: on the path, or where Debian puts servers. */
const found = (program: string): string | undefined =>
  [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"]
    .map((folder) => join(folder, program))
    .find(executable)

/** Where mosquitto is; `undefined` where it is not installed. */
export const mosquittoPath = found("mosquitto")

/** For a test's name: why it is skipped. */
export const withoutMosquitto =
  mosquittoPath === undefined ? " (skipped: mosquitto is not installed here)" : ""

/** Lines of mosquitto's configuration, beyond the listener. They may name a file of its folder. */
export type Settings = (folder: string) => {
  readonly lines: ReadonlyArray<string>
  readonly files?: Readonly<Record<string, string>>
}

const anybody: Settings = () => ({ lines: ["allow_anonymous true"] })

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    // Only a server on a pipe has an address of another shape.
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

const answers = (port: number) =>
  Effect.callback<void, Error>((resume) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.once("error", (error) => resume(Effect.fail(error)))
  })

/** Starts mosquitto on a free port and waits until it listens. */
export const mosquitto = Effect.fnUntraced(function* (
  settings: Settings = anybody
): Effect.fn.Return<Broker, never, Scope.Scope> {
  const program = mosquittoPath ?? (yield* Effect.die(new Error("mosquitto is not installed")))
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "fibric-mosquitto-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )
  const port = yield* freePort
  const { files = {}, lines } = settings(folder)
  const conf = [
    `listener ${port} 127.0.0.1`,
    "persistence false",
    "log_dest none",
    `user ${userName}`,
    ...lines
  ]
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 })
  writeFileSync(join(folder, "mosquitto.conf"), `${conf.join("\n")}\n`)
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(program, ["-c", join(folder, "mosquitto.conf")], { stdio: "ignore" })
      return { child, ended: new Promise<void>((resolve) => child.once("exit", () => resolve())) }
    }),
    ({ child, ended }) =>
      Effect.promise(() => {
        child.kill("SIGTERM")
        return ended
      })
  )
  yield* Effect.orDie(Effect.retry(answers(port), { schedule: Schedule.spaced("20 millis"), times: 250 }))
  return { name: "mosquitto", protocol: "5", port }
})

/** Root's mosquitto would become somebody else, who may not read its folder. */
const userName = process.getuid?.() === 0 ? "root" : "mosquitto"

/** A certificate and its key (PEM), for a broker that speaks TLS only. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Starts aedes in this process. */
export const aedes = Effect.fnUntraced(function* (
  certificate?: Certificate
): Effect.fn.Return<Broker, never, Scope.Scope> {
  const broker = yield* Effect.acquireRelease(
    Effect.promise(() => Aedes.createBroker()),
    (broker) => Effect.callback<void>((resume) => broker.close(() => resume(Effect.void)))
  )
  const welcome = (socket: Socket) => {
    // A client that goes away in the middle is what this broker is for.
    socket.on("error", () => {})
    broker.handle(socket)
  }
  const server =
    certificate === undefined ? createServer(welcome) : createTlsServer({ ...certificate }, welcome)
  server.on("tlsClientError", () => {})
  broker.on("clientError", () => {})
  broker.on("connectionError", () => {})
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => void server.close())
  )
  // Only a server on a pipe has an address of another shape.
  return { name: "aedes", protocol: "3.1.1", port: (server.address() as AddressInfo).port }
})
