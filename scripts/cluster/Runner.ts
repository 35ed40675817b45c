/**
 * Runner: a process of the cluster as the harness has it: asked, killed, stopped and continued.
 */
import { Deferred, Effect, Exit, type Redacted, Schema, Scope } from "effect"
import { createServer } from "node:net"
import * as Child from "../harness/Child.ts"

/** What a question comes to: an outcome, an error's tag, or `gone` where the runner has ended meanwhile. */
export type Heard = string

export interface Runner {
  readonly name: string
  readonly ask: (parcel: string, leg: string) => Effect.Effect<Heard>
  /** SIGKILL. It has ended when this returns. */
  readonly kill: Effect.Effect<void>
  readonly stop: Effect.Effect<void>
  readonly go: Effect.Effect<void>
}

const Answer = Schema.fromJsonString(Schema.Struct({ id: Schema.Int, heard: Schema.String }))

/** A port that is free now. */
const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

export interface Where {
  readonly url: Redacted.Redacted<string>
  readonly worldPort: number
  readonly timings: "quick" | "default"
}

/** Starts one; it is ready when this returns, and gone with the scope. */
export const start = Effect.fnUntraced(function* (name: string, where: Where) {
  const scope = yield* Effect.scope
  const own = yield* Scope.fork(scope)
  const port = yield* freePort
  const child = yield* Scope.provide(
    Child.start(
      new URL("./runner-process.ts", import.meta.url),
      [name, String(port), String(where.worldPort), where.timings],
      { DATABASE_URL: where.url }
    ),
    own
  )
  yield* child.nextLine
  const pending = new Map<number, Deferred.Deferred<Heard>>()
  let ids = 0

  const listen = Effect.gen(function* () {
    for (let line = yield* child.nextLine; line !== undefined; line = yield* child.nextLine) {
      const { heard, id } = yield* Schema.decodeEffect(Answer)(line)
      const waiting = pending.get(id)
      pending.delete(id)
      if (waiting !== undefined) Deferred.doneUnsafe(waiting, Exit.succeed(heard))
    }
    for (const waiting of pending.values()) Deferred.doneUnsafe(waiting, Exit.succeed("gone"))
  })
  const listening = yield* Effect.forkIn(listen, scope)

  const runner: Runner = {
    name,
    ask: (parcel, leg) =>
      Effect.suspend(() => {
        const id = (ids += 1)
        const waiting = Deferred.makeUnsafe<Heard>()
        if (listening.pollUnsafe() !== undefined) return Effect.succeed("gone")
        pending.set(id, waiting)
        return Effect.andThen(child.say(JSON.stringify({ id, parcel, leg })), Deferred.await(waiting))
      }),
    kill: Scope.close(own, Exit.void),
    stop: child.signal("SIGSTOP"),
    go: child.signal("SIGCONT")
  }
  return runner
})
