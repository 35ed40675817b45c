/**
 * One conversation with the fake bell: says the password, then one line, and hears one answer.
 */
import { connect } from "node:net"
import { Clock, Effect } from "effect"
import type { Address } from "fibric/testing/laws"
import { password } from "./FakeBell.ts"

export type Ended =
  | { readonly _tag: "Answered"; readonly line: string }
  /** It ended without an answer; `asked` says whether any of the line may have left. */
  | { readonly _tag: "Lost"; readonly asked: boolean; readonly reason: string }

export const timeOver = "its time was over"

/** Talks for at most so long, and asks for nothing when its time is over. An interrupt closes the socket. */
export const converse = Effect.fnUntraced(function* (
  address: Address,
  line: string,
  patienceMillis: number
): Effect.fn.Return<Ended> {
  const clock = yield* Clock.Clock
  const until = clock.monotonicTimeNanosUnsafe() + BigInt(Math.floor(patienceMillis)) * 1_000_000n
  const talk = new Talk(line, () => clock.monotonicTimeNanosUnsafe() < until)
  return yield* talk.with(address).pipe(
    Effect.timeoutOrElse({
      duration: patienceMillis,
      orElse: () => Effect.sync(() => talk.lost(timeOver))
    })
  )
})

class Talk {
  readonly #line: string
  readonly #mayAsk: () => boolean
  #stage: "greeting" | "password" | "asked" = "greeting"

  constructor(line: string, mayAsk: () => boolean) {
    this.#line = line
    this.#mayAsk = mayAsk
  }

  lost(reason: string): Ended {
    return { _tag: "Lost", asked: this.#stage === "asked", reason }
  }

  with(address: Address): Effect.Effect<Ended> {
    return Effect.callback<Ended>((resume) => {
      const socket = connect(address.port, address.host)
      const end = (ended: Ended) => resume(Effect.succeed(ended))
      let heard = ""
      socket.on("data", (chunk) => {
        heard += chunk.toString("latin1")
        for (let at = heard.indexOf("\n"); at >= 0; at = heard.indexOf("\n")) {
          const reply = this.#hear(heard.slice(0, at))
          heard = heard.slice(at + 1)
          if (typeof reply === "string") socket.write(`${reply}\n`)
          else {
            socket.end("BYE\n")
            end(reply)
          }
        }
      })
      socket.on("error", (error) => end(this.lost(error.message)))
      socket.on("end", () => end(this.lost("the server hung up")))
      socket.on("close", () => end(this.lost("the connection was closed")))
      return Effect.sync(() => socket.destroy())
    })
  }

  /** What to say next, or how it ended. */
  #hear(line: string): string | Ended {
    if (this.#stage === "asked") return { _tag: "Answered", line }
    if (this.#stage === "greeting") {
      this.#stage = "password"
      return `PASS ${password}`
    }
    if (line !== "OK") return this.lost("it does not take the password")
    if (!this.#mayAsk()) return this.lost(timeOver)
    this.#stage = "asked"
    return this.#line
  }
}
