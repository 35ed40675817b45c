/**
 * parcels: what the runners do. One definition and one connector, as a user would write them for a single
 * machine; its provider recognises keys, so that a doubt settles by itself.
 */
import { Schema } from "effect"
import { Capability, Connector, Entity, Recovery, Settings } from "fibric"
import type { World } from "./World.ts"

const Parcel = Entity.make("parcel")

export const Move = Capability.make("move", {
  entity: Parcel,
  payload: { leg: Schema.String },
  success: Schema.Void,
  occasion: ({ leg }) => leg,
  recovery: Recovery.resend({ window: "1 hour", backoff: "200 millis", attempts: 50 }),
  stores: ["leg"],
  deadline: "2 seconds",
  validity: "2 minutes"
})

export const move = (parcel: string, leg: string) => Move.propose(Parcel.at(parcel), { leg })

/** How long an effect takes: long enough for a runner to be killed in the middle of it. */
const effectMillis = 40

/** The connector of a runner. */
export const layerMoves = (world: World, runner: string) =>
  Connector.make("parcels", Move).toLayer({
    move: ({ leg }, { entity, key }) =>
      world.perform({ key, entity: entity.id, change: `${entity.id} ${leg}`, runner, millis: effectMillis })
  })

/** Short, so that a run takes a minute: a runner that is gone is doubtful after three seconds. */
export const settings = Settings.layer({
  leaseMillis: 3_000,
  beatMillis: 500,
  reapMillis: 200,
  recoverMillis: 200,
  doubtMarginMillis: 1_000,
  drainMillis: 0
})
