import { Console, Effect, Schema } from "effect"
import { Capability, Connector, Entity, Recovery } from "fibric"
import * as Simulation from "fibric/testing"

const Door = Entity.make("door")

const Unlock = Capability.make("unlock", {
  entity: Door,
  payload: { visitor: Schema.String },
  success: Schema.Struct({ at: Schema.String }),
  occasion: ({ visitor }) => visitor,
  recovery: Recovery.lookup({ lag: "1 second", every: "2 seconds" }),
  stores: ["visitor"],
  deadline: "2 seconds"
})

// The connector under test, with the simulated world in the place of the door.
const doors = (world: Simulation.World) =>
  Connector.make("doors", Unlock).toLayer({
    unlock: {
      perform: (_payload, call) => world.perform(call, { at: call.entity.id }),
      lookup: (_payload, call) => world.lookup(call, { at: call.entity.id }, "1 second")
    }
  })

const scenario: Simulation.Scenario<Connector.Handler<"unlock">> = {
  connectors: doors,
  // Each is asked for several times, by several processes, while things go wrong.
  asks: ["ada", "grace"].map((visitor) => Simulation.ask(Unlock.propose(Door.at("12"), { visitor }))),
  faults: ["kill-after-effect", "lose-answer", "lose-reply", "stop-landed", "partition"]
}

const report = Simulation.runSeeds(scenario, { seeds: 100 })
Simulation.expectOneEffectPerKey(report) // throws, with what was violated and in which seed

Effect.runSync(
  Console.log(`${report.seeds} seeds, ${report.kills} processes killed, one effect for each key`)
)
