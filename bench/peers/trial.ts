/**
 * trial: the crash window. A worker is killed between the effect, which stands in a file outside of the
 * peer, and the peer's record of it. Then a new worker starts, the peer's own recovery runs, and the lines in
 * the file are counted: one for each time that the effect ran.
 */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Schema } from "effect"
import type { Peer } from "./peers.ts"
import type { Ground } from "./Place.ts"
import { effectsFile } from "./subject/Command.ts"
import { killedIn, SubjectFailed, use } from "./SubjectProcess.ts"

const Recovered = Schema.Struct({ says: Schema.String })

/** How often the effect happened, and what the peer says of the request when it has recovered. */
export interface Crash {
  readonly effects: number
  readonly says: string
}

const series = "crash"

const effectsIn = ({ folder }: Ground) =>
  Effect.map(
    Effect.promise(() => readFile(join(folder, effectsFile), "utf8")),
    (text) => text.split("\n").filter((line) => line !== "").length
  )

/** Kills a worker of the peer, has another recover, and counts. */
export const crash = Effect.fnUntraced(function* (peer: Peer, ground: Ground) {
  yield* killedIn(peer, ground, { do: "die", series })
  const before = yield* effectsIn(ground)
  if (before !== 1) {
    return yield* new SubjectFailed({
      peer: peer.name,
      command: "die",
      reason: `${before} effects before the recovery`
    })
  }
  const { says } = yield* use(peer, ground, (tell) => tell({ do: "recover", series }, Recovered))
  return { effects: yield* effectsIn(ground), says } satisfies Crash
})
