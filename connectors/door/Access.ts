/**
 * Access: ready-made capabilities for a door, `unlock` for some seconds and `lock`.
 *
 * For applications without verbs of their own. Where the domain has a word for it ("let the courier in"),
 * a capability of that name on `Door` says more in every key and receipt.
 */
import { Effect, Schema } from "effect"
import { type Call, Capability, Connector, Entity, Recovery } from "fibric"
import type { Command } from "./Command.ts"
import { Door } from "./Door.ts"
import { Confirmed, DoorRefused } from "./verdict.ts"

/** All doors; `Doors.at("12")` is one of them. Its id is a level of the door's topics. */
export const Doors = Entity.make("door")

/**
 * The device is asked what it has done, and says so in its retained state. How soon that is up to date is
 * the lag. Finding nothing never frees the key by itself: a command may still be waiting for a device.
 */
const recovery = Recovery.lookup({ lag: "30 seconds" })

/**
 * Unlocks the door for some seconds. `visit` names the one intended opening ("visit 2041"): a second one
 * for the same door and visit is a repeat. A doubt holds the lane: nothing else unlocks the door until
 * it is known.
 */
export const unlock = Capability.make("unlock", {
  entity: Doors,
  payload: {
    visit: Schema.NonEmptyString,
    seconds: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 }))
  },
  success: Confirmed,
  error: DoorRefused,
  occasion: ({ visit }) => visit,
  recovery,
  stores: ["visit", "seconds"],
  deadline: "20 seconds",
  doubtHoldsLane: true
})

/**
 * Locks the door, and leaves it locked. `ends` names what is over ("visit 2041", "round of 2026-11-26"):
 * a `lock` for the same door and the same end is a repeat and does nothing, so a name that returns would
 * leave the door open. It passes a doubt, and its own keeps nobody waiting: a locked door is safe.
 */
export const lock = Capability.make("lock", {
  entity: Doors,
  payload: { ends: Schema.NonEmptyString },
  success: Confirmed,
  error: DoorRefused,
  occasion: ({ ends }) => ends,
  recovery,
  stores: ["ends"],
  deadline: "20 seconds",
  passesDoubt: true,
  doubtHoldsLane: false
})

export const Access = Connector.make("access", unlock, lock)

/** Carries `unlock` and `lock` out over `Door`. */
export const layer = Access.toLayer(
  Effect.gen(function* () {
    const door = yield* Door
    const lookup = (_payload: unknown, call: Call) => door.lookup(call)
    const perform =
      <P>(command: (payload: P) => Command) =>
      (payload: P, call: Call) =>
        door.command(command(payload), call)
    return {
      unlock: {
        perform: perform(({ seconds }: typeof unlock.payload.Type) => ({ verb: "unlock", seconds })),
        lookup
      },
      lock: { perform: perform(() => ({ verb: "lock" })), lookup }
    }
  })
)
