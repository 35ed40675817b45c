/**
 * Peers: what `npm run bench:peers` found about others, read from the file that it was kept in. It has rows
 * of another run, on another hour of the machine: told beside ours, never divided by them.
 */
import { Effect, FileSystem, Schema } from "effect"
import { fileURLToPath } from "node:url"

const Rate = Schema.NullOr(Schema.Struct({ rate: Schema.Finite }))

/** What a peer can't do is null, or absent. */
const Peer = Schema.Struct({
  name: Schema.String,
  version: Schema.optionalKey(Schema.NullOr(Schema.String)),
  A: Schema.optionalKey(Schema.NullOr(Schema.Struct({ rate: Schema.Finite, p99Millis: Schema.Finite }))),
  B2: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({
        rate: Schema.Finite,
        /** A slow peer is given less of it. */
        requests: Schema.Int,
        keys: Schema.Int,
        effects: Schema.Int,
        receipts: Schema.NullOr(Schema.Int)
      })
    )
  ),
  C: Schema.optionalKey(Rate),
  D: Schema.optionalKey(Rate),
  crash: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({ effects: Schema.NullOr(Schema.Int), says: Schema.optionalKey(Schema.String) })
    )
  )
})
export type Peer = typeof Peer.Type

const Kept = Schema.fromJsonString(Schema.Struct({ peers: Schema.Array(Peer) }))

const file = fileURLToPath(new URL("./peers/results.json", import.meta.url))

/** None where nothing was kept. */
export const read = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  if (!(yield* files.exists(file))) return []
  return (yield* Schema.decodeEffect(Kept)(yield* files.readFileString(file))).peers
})
