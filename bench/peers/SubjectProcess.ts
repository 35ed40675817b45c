/**
 * SubjectProcess: a subject's process as the harness sees it: started on its ground, told what to do, and
 * listened to. It is killed with the scope at the latest.
 */
import { Effect, Redacted, Schema } from "effect"
import * as Child from "../../scripts/harness/Child.ts"
import type { Peer } from "./peers.ts"
import type { Ground } from "./Place.ts"
import { answered, type Command } from "./subject/Command.ts"

/** A subject did not do what it was told. */
export class SubjectFailed extends Schema.TaggedError<SubjectFailed>()("SubjectFailed", {
  peer: Schema.String,
  command: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.peer} failed at ${this.command}: ${this.reason}`
  }
}

const Failed = Schema.fromJsonString(Schema.Struct({ failed: Schema.String }))

/** No workload takes as long: one that does hangs. */
const patience = "2 minutes"

const start = (peer: Peer, { url, ...where }: Ground) =>
  Child.start(peer.program, [JSON.stringify(where)], {
    PEER_DATABASE_URL: url,
    // What a peer's use of another package is warned of is its makers' business.
    NODE_NO_WARNINGS: Redacted.make("1")
  })

/** Has a process do one thing; what it answered. */
const told = <S extends Schema.Codec<unknown, unknown>>(
  peer: Peer,
  child: Child.Child,
  command: Command,
  answer: S
) => {
  const failed = (reason: string) => new SubjectFailed({ peer: peer.name, command: command.do, reason })
  const heard: Effect.Effect<string, SubjectFailed> = Effect.flatMap(child.nextLine, (line) => {
    if (line === undefined) {
      return Effect.flatMap(child.end, ({ code, signal }) =>
        Effect.fail(failed(`its process ended with ${signal ?? code}`))
      )
    }
    // What a peer prints of its own is not for us.
    return line.startsWith(answered) ? Effect.succeed(line.slice(answered.length)) : heard
  })
  return child.say(JSON.stringify(command)).pipe(
    Effect.andThen(heard),
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.fail(failed(`no answer in ${patience}`))
    }),
    Effect.flatMap((line) =>
      Schema.decodeEffect(Schema.fromJsonString(answer))(line).pipe(
        Effect.catch((unread) =>
          Schema.decodeEffect(Failed)(line).pipe(
            Effect.mapError(() => failed(unread.message)),
            Effect.flatMap((said) => Effect.fail(failed(said.failed)))
          )
        )
      )
    )
  )
}

/** A process for a few commands; it ends by itself when they are done. */
export const use = <A, E>(
  peer: Peer,
  ground: Ground,
  body: (
    tell: <S extends Schema.Codec<unknown, unknown>>(
      command: Command,
      answer: S
    ) => Effect.Effect<S["Type"], SubjectFailed>
  ) => Effect.Effect<A, E>
) =>
  Effect.scoped(
    Effect.flatMap(start(peer, ground), (child) =>
      Effect.tap(
        body((command, answer) => told(peer, child, command, answer)),
        () => child.dismiss
      )
    )
  )

/** A process that gets one command, and has to be killed by a signal in it. */
export const killedIn = (peer: Peer, ground: Ground, command: Command) =>
  Effect.scoped(
    Effect.gen(function* () {
      const child = yield* start(peer, ground)
      yield* child.say(JSON.stringify(command))
      const { code, signal } = yield* child.end
      if (signal === "SIGKILL") return
      return yield* new SubjectFailed({
        peer: peer.name,
        command: command.do,
        reason: `it was to be killed, and ended with ${signal ?? code}`
      })
    }).pipe(
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () =>
          Effect.fail(
            new SubjectFailed({ peer: peer.name, command: command.do, reason: `it lived for ${patience}` })
          )
      })
    )
  )
