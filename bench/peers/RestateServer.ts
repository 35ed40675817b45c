/**
 * RestateServer: Restate's server out of its npm package, on free ports of this machine and with its log in
 * the subject's folder, for as long as the scope lives. Its log is written with fsync, as by default.
 */
import { spawn } from "node:child_process"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { arch, platform } from "node:os"
import { join } from "node:path"
import { Effect, Schedule, Schema } from "effect"

/** It ended, or did not answer in time. */
export class RestateNotReady extends Schema.TaggedError<RestateNotReady>()("RestateNotReady", {
  address: Schema.String
}) {
  override get message() {
    return `Restate's server does not answer at ${this.address}.`
  }
}

const program = join(
  import.meta.dirname,
  "node_modules/@restatedev",
  `restate-server-${platform()}-${arch()}`,
  "bin/restate-server"
)

/** A port that is free now; whoever takes it in between makes the start fail, and says so. */
const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    // Only a server on a pipe has an address of another shape.
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** What was found by trying; see the README. */
const settings = {
  RESTATE_DEFAULT_NUM_PARTITIONS: "1",
  RESTATE_DISABLE_TELEMETRY: "true",
  RESTATE_ADMIN__DISABLE_WEB_UI: "true",
  // At its start it asks GitHub whether it is the newest; no setting keeps it from that, and nothing waits for it.
  RESTATE_LOG_FILTER: "error,octocrab=off",
  RESTATE_LISTEN_MODE: "tcp",
  RESTATE_BIND_IP: "127.0.0.1",
  RESTATE_NODE_NAME: "peers"
}

const ready = (address: string) =>
  Effect.tryPromise({
    try: async (signal) => {
      const { ok } = await fetch(`${address}/health`, { signal })
      if (!ok) throw new Error("not yet")
    },
    catch: () => new RestateNotReady({ address })
  }).pipe(Effect.retry(Schedule.spaced("100 millis").pipe(Schedule.upTo({ duration: "30 seconds" }))))

/** Starts it; answers with where its callers and its operators find it. */
export const start = Effect.fnUntraced(function* (folder: string) {
  const [ingress, admin, node] = yield* Effect.all([freePort, freePort, freePort])
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(program, ["--no-logo", "--base-dir", join(folder, "restate")], {
        env: {
          ...settings,
          RESTATE_BIND_PORT: `${node}`,
          RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
          RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`
        },
        cwd: folder,
        // What it prints is for people: our stdout is for the answer.
        stdio: ["ignore", 2, 2],
        // In a group of its own: a Ctrl-C is for the harness, which then ends it.
        detached: true
      })
      const ended = new Promise<void>((resolve) => {
        child.once("exit", () => resolve())
        child.once("error", () => resolve())
      })
      return { child, ended }
    }),
    ({ child, ended }) =>
      Effect.promise(() => {
        // Nothing of it is wanted any more: no need to wait for its drain.
        child.kill("SIGKILL")
        return ended
      })
  )
  const servers = { ingress: `http://127.0.0.1:${ingress}`, admin: `http://127.0.0.1:${admin}` }
  yield* Effect.all([ready(servers.admin), ready(`${servers.ingress}/restate`)])
  return servers
})
