/**
 * MailServer: a real mail server for as long as a scope lives, and a view of what reached it.
 *
 * It runs in a process of its own (`mail-server.ts`), which alone knows what it accepted. If this
 * process is killed, the server's stdin closes and it ends by itself.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Effect, type Scope } from "effect"
import type { Behaviour, StoredMail } from "./mail-server-protocol.ts"

export type { Behaviour, Stage, StoredMail } from "./mail-server-protocol.ts"

export interface MailServer {
  /** On 127.0.0.1. Not encrypted; offers STARTTLS, by default with a certificate that nobody should trust. */
  readonly smtpPort: number
  /** The mails accepted so far, oldest first. */
  readonly mails: Effect.Effect<ReadonlyArray<StoredMail>>
  /** The same, once no conversation is open any more. */
  readonly mailsWhenIdle: Effect.Effect<ReadonlyArray<StoredMail>>
  /** Forgets the mails. */
  readonly clear: Effect.Effect<void>
  /** Behaves like this from the next command on; without behaviours it behaves. */
  readonly behave: (...behaviours: ReadonlyArray<Behaviour>) => Effect.Effect<void>
}

/** Files (PEM) of a certificate and its key, for STARTTLS. */
export interface Certificate {
  readonly certificate: string
  readonly key: string
}

interface Ports {
  readonly smtpPort: number
  readonly controlPort: number
}

/** Starts the server and waits until it listens. A server that can't start is a defect. */
export const make = Effect.fnUntraced(function* (
  tls?: Certificate
): Effect.fn.Return<MailServer, never, Scope.Scope> {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => start(tls)),
    stop
  )
  const { controlPort, smtpPort } = yield* portsOf(child)
  const ask = (method: string, path: string, body?: unknown) =>
    Effect.promise(async (signal) => {
      const response = await fetch(`http://127.0.0.1:${controlPort}${path}`, {
        method,
        signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      if (!response.ok) throw new Error(`The mail server answered ${method} ${path} with ${response.status}`)
      return response.json()
    })
  // The server's side of the protocol is typed by the same module.
  const list = (path: string) => Effect.map(ask("GET", path), (found) => found as ReadonlyArray<StoredMail>)
  return {
    smtpPort,
    mails: list("/mails"),
    mailsWhenIdle: list("/mails?when=idle"),
    clear: Effect.asVoid(ask("DELETE", "/mails")),
    behave: (...behaviours) => Effect.asVoid(ask("PUT", "/behaviour", behaviours))
  }
})

// Node's flags and conditions go along, a test runner's own (loaders, inspectors) stay.
const inherited = () => process.execArgv.filter((flag) => /^--conditions=|^-C/.test(flag))

const start = (tls: Certificate | undefined): ChildProcess => {
  const script = fileURLToPath(new URL("./mail-server.ts", import.meta.url))
  const files = tls === undefined ? [] : ["--certificate", tls.certificate, "--key", tls.key]
  return spawn(process.execPath, [...inherited(), script, ...files], {
    stdio: ["pipe", "pipe", "inherit"],
    // In a group of its own: a Ctrl-C is for us, and we still have to ask the server what it took.
    detached: true
  })
}

const stop = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
      return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGTERM")
  })

const portsOf = (child: ChildProcess) =>
  Effect.callback<Ports>((resume) => {
    let said = ""
    child.once("error", (error) => resume(Effect.die(error)))
    child.once("exit", (code) => resume(Effect.die(new Error(`The mail server ended at once, with ${code}`))))
    child.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString()
      // The one line that the server prints, in the shape that its header states.
      if (said.includes("\n")) resume(Effect.succeed(JSON.parse(said) as Ports))
    })
  })
