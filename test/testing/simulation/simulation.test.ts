/**
 * The simulation itself: the same seed is the same run, only the seed decides, and what is wrong with a
 * connector is said.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Capability, Connector, Entity, Recovery } from "fibric"
import * as Simulation from "fibric/testing"
import * as Scenario from "../../../scripts/sim/scenario.ts"
import { shrink } from "../../../scripts/sim/shrink.ts"
import * as Faults from "../../../src/testing/simulation/Faults.ts"

const Bell = Entity.make("bell")

const Ring = Capability.make("ring", {
  entity: Bell,
  payload: { who: Schema.String },
  success: Schema.String,
  occasion: ({ who }) => who,
  recovery: Recovery.hold,
  deadline: "1 second"
})

type Ringing = Connector.Handler<"ring">

/** A scenario in which a bell is rung in some way. */
const ringing = (
  ring: (world: Simulation.World, call: Parameters<Simulation.World["perform"]>[0]) => Effect.Effect<string>,
  faults?: ReadonlyArray<Simulation.FaultName>
): Simulation.Scenario<Ringing> => ({
  connectors: (world) =>
    Connector.make("bells", Ring).toLayer({ ring: (_payload, call) => ring(world, call) }),
  asks: ["ada", "grace"].map((who) => Simulation.ask(Ring.propose(Bell.at("1"), { who }))),
  ...(faults === undefined ? {} : { faults })
})

const once = ringing((world, call) => Effect.orDie(world.perform(call, "rung")))
const twice = ringing((world, call) =>
  Effect.orDie(Effect.andThen(world.perform(call, "rung"), world.perform(call, "rung again")))
)

describe("a simulation", () => {
  it("is the same twice for one seed, step by step, and another for another", () => {
    const runs = [11, 11, 12].map((seed) => Simulation.run(Scenario.of(seed), seed, { keepsTrace: true }))
    const [one, same, other] = runs
    assert.isAbove(one?.trace.length ?? 0, 100)
    assert.deepStrictEqual(same?.trace, one?.trace)
    assert.strictEqual(same?.digest, one?.digest)
    assert.notStrictEqual(other?.digest, one?.digest)
  })

  it("is not over while an answer is on its way, or what it says", () => {
    // A success comes late, and would be judged before its settlement could land.
    const seed = 11_660_501
    const outcome = Simulation.follow(Scenario.of(seed), {
      seed,
      processes: 2,
      requests: [
        { asking: 0, atMillis: 1_125, replica: 0 },
        { asking: 0, atMillis: 1_424, replica: 1 },
        { asking: 1, atMillis: 1_539, replica: 1 },
        { asking: 1, atMillis: 1_818, replica: 1 },
        { asking: 2, atMillis: 605, replica: 0 }
      ],
      faults: [
        { fault: "partition", step: "beat", nth: 1 },
        { fault: "partition", step: "settle", nth: 2 },
        { fault: "hang", step: "call", nth: 2 },
        { fault: "late-effect", step: "call", nth: 3 }
      ],
      verdictsAt: [],
      yields: 0
    })
    assert.deepStrictEqual(outcome.violations, [])
  })

  it("holds what it promises for a connector that does what it is told", () => {
    const report = Simulation.runSeeds(once, { seeds: 100 })
    Simulation.expectOneEffectPerKey(report)
    assert.isAtLeast(report.effects, 150)
    assert.isAbove(report.kills, 0)
  })

  it("says in which seed a key had two effects", () => {
    const report = Simulation.runSeeds(twice, { seeds: 3 })
    assert.throws(
      () => Simulation.expectOneEffectPerKey(report),
      /^ONE_EFFECT: ring:bell-1:\w+: attempts 1, 1\. .*run seed \d/
    )
  })

  it("calls a world in which nothing happens no proof", () => {
    const idle = Simulation.runSeeds(
      ringing(() => Effect.succeed("rung"), []),
      { seeds: 3 }
    )
    // Nothing happened, and callers were told that it had.
    assert.throws(() => Simulation.expectOneEffectPerKey(idle), /PERFORMED/)
    const never = Simulation.runSeeds(
      ringing(() => Effect.never, []),
      { seeds: 3 }
    )
    assert.throws(() => Simulation.expectOneEffectPerKey(never), /Nothing ever happened/)
  })

  it("calls it no proof that no fault happened where faults were allowed", () => {
    const report = { ...Simulation.runSeeds(once, { seeds: 5 }), hits: new Map<string, number>() }
    assert.throws(() => Simulation.expectOneEffectPerKey(report), /No fault ever happened/)
  })

  it("lets nothing in that the seed does not decide, and gives it back afterwards", () => {
    const said: Array<string> = []
    const asking = (way: () => unknown) =>
      ringing((world, call) =>
        Effect.andThen(
          Effect.ignore(
            Effect.try({
              try: way,
              catch: (error) => said.push(String(error))
            })
          ),
          Effect.orDie(world.perform(call, "rung"))
        )
      )
    for (const way of [
      () => Date.now(),
      () => Math.random(),
      () => setTimeout(() => undefined, 1),
      () => fetch("http://127.0.0.1:1")
    ]) {
      Simulation.run(asking(way), 1)
    }
    const names = new Set(
      said.map((sentence) => /Error: (\S+) was called inside a simulation/.exec(sentence)?.[1])
    )
    assert.deepStrictEqual([...names], ["Date.now", "Math.random", "setTimeout", "fetch"])
    assert.isAbove(Date.now(), 0)
  })

  it("plans only the faults that are allowed, each at a step that it knows", () => {
    const report = Simulation.runSeeds(
      ringing((world, call) => Effect.orDie(world.perform(call, "rung")), ["lose-reply", "hang"]),
      { seeds: 60 }
    )
    const cells = new Set(Faults.cellsOf(["lose-reply", "hang"]).map(Faults.nameOf))
    assert.isAbove(report.hits.size, 5)
    assert.deepStrictEqual(
      [...report.hits.keys()].filter((name) => !cells.has(name)),
      []
    )
  })

  it("leaves out of a failing plan what the failure does not need", () => {
    const outcome = Simulation.run(twice, 3)
    assert.isAbove(outcome.plan.requests.length, 1)
    const smallest = shrink(twice, outcome.plan, "ONE_EFFECT")
    // Everything is asked for once more at the end: that is enough.
    assert.deepStrictEqual([smallest.requests, smallest.faults, smallest.verdictsAt], [[], [], []])
    assert.isAbove(Simulation.follow(twice, smallest).violations.length, 0)
  })
})
