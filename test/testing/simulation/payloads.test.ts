/**
 * One key that is asked for with two payloads, late answers, and a person who says of the first one that it
 * did not happen: the simulation in which who is told of a success might be told of somebody else's.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Capability, Connector, Entity, Recovery } from "fibric"
import * as Simulation from "fibric/testing"

const Door = Entity.make("door")

const Write = Capability.make("write", {
  entity: Door,
  payload: { to: Schema.String },
  success: Schema.String,
  occasion: () => "once",
  recovery: { ...Recovery.hold, quarantineMillis: 0 },
  deadline: "1 second"
})

const scenario: Simulation.Scenario<Connector.Handler<"write">> = {
  connectors: (world) =>
    Connector.make("letters", Write).toLayer({
      write: ({ to }, call) => Effect.orDie(world.perform(call, to))
    }),
  asks: ["ada", "bob", "ada", "bob", "ada", "bob", "ada", "bob"].map((to) =>
    Simulation.ask(Write.propose(Door.at("1"), { to }))
  ),
  faults: ["late-answer", "late-effect"],
  verdicts: 12
}

describe("a simulation of one key with two payloads", () => {
  it("tells nobody of a success that was of the other payload", () => {
    const report = Simulation.runSeeds(scenario, { seeds: 300 })
    assert.deepStrictEqual(report.violated, [])
    assert.isAbove(report.effects, 300)
  })
})
