/**
 * Asking: what became of a command, by the door's own word.
 *
 * The retained state is read and nothing is written. Where the state can't be had, can't be read, or has
 * a memory that is full without the command in it, the question was not answered: that is a failure,
 * never a no.
 */
import { Duration, Effect, Option, Schema } from "effect"
import type { Broker, Topics } from "./config.ts"
import { type DoorState, saysOf, stateIn } from "./device.ts"
import * as Link from "./Link.ts"
import { type Confirmed, words } from "./verdict.ts"

/** The door could not be asked, or could not tell. Nothing is known; it may be asked again. */
export class DoorUnreadable extends Schema.TaggedError<DoorUnreadable>()("DoorUnreadable", {
  reason: Schema.String
}) {
  override get message() {
    return `The door's state could not be asked for: ${this.reason}. Nothing is known about the command; ask again.`
  }
}

const unreadable = (what: string) => new DoorUnreadable({ reason: words(what) })

/** Asks within the time given. `None`: the door has not carried it out so far. */
export const ask = Effect.fnUntraced(function* (
  broker: Broker,
  topics: Topics,
  id: string,
  withinMillis: number
): Effect.fn.Return<Option.Option<Confirmed>, DoorUnreadable> {
  const state = yield* Link.use(broker, (link) => stateOf(link, topics.state), unreadable).pipe(
    Effect.timeoutOrElse({
      duration: Duration.millis(withinMillis),
      orElse: () => Effect.fail(unreadable("it told nothing of itself in time"))
    })
  )
  switch (saysOf(state, id)) {
    case "done":
      return Option.some({ command: id, by: "state" })
    case "not_so_far":
      return Option.none()
    case "forgotten":
      return yield* unreadable("its memory is full, and may have had the command in it before")
  }
})

const stateOf = (link: Link.Link, topic: string) =>
  Effect.callback<DoorState, DoorUnreadable>((resume) => {
    const end = (what: string) => resume(Effect.fail(unreadable(what)))
    Link.onEnd(link, end)
    link.client.on("connect", () => {
      link.client.subscribe(topic, { qos: 1 }, (error) => {
        if (error) end(error.message)
      })
    })
    link.client.on("message", (_topic, payload) => {
      if (payload.length === 0) return
      resume(Effect.mapError(Effect.fromOption(stateIn(payload)), () => unreadable("it can't be read")))
    })
  })
