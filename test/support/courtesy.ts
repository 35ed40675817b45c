/**
 * A verb of one's own for doors, `unlock` with less patience: a doubt is looked into at once and often.
 */
import type { Duration } from "effect"
import { Effect } from "effect"
import { type Call, Capability, Connector, Recovery } from "fibric"
import * as Door from "../../connectors/door/index.ts"

/** The verb with its deadline, and the connector that carries it out. */
export const make = (deadline: Duration.Input) => {
  const admit = Capability.make("admit", {
    entity: Door.Doors,
    payload: Door.unlock.payload,
    success: Door.Confirmed,
    error: Door.DoorRefused,
    occasion: ({ visit }) => visit,
    recovery: Recovery.lookup({ lag: 0, quarantine: 0, every: "50 millis" }),
    stores: ["visit", "seconds"],
    deadline
  })
  const layer = Connector.make("courtesy", admit).toLayer(
    Effect.map(Door.Door, (door) => ({
      admit: {
        perform: ({ seconds }: typeof admit.payload.Type, call: Call) =>
          door.command({ verb: "unlock", seconds }, call),
        lookup: (_payload: unknown, call: Call) => door.lookup(call)
      }
    }))
  )
  return { admit, layer }
}
