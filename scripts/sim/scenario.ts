/**
 * scenario: what is asked for in a simulation of fibric itself, drawn from the seed: a few entities, a few
 * actions of each kind on them, some of which share a key and differ in what they say.
 */
import type { Layer } from "effect"
import * as Seeded from "../../src/testing/simulation/Seeded.ts"
import * as Plan from "../../src/testing/simulation/Plan.ts"
import { Book, connectors, House, Lock, Move, Order, Pay, Peek, Post, Ring, Shutter } from "./capabilities.ts"

type Payload = (typeof Ring.payload)["Type"]

/** A way to ask for each kind. */
const kinds = [
  (id: string, payload: Payload) => Plan.ask(Ring.propose(House.at(id), payload)),
  (id: string, payload: Payload) => Plan.ask(Pay.propose(House.at(id), payload)),
  (id: string, payload: Payload) => Plan.ask(Post.propose(House.at(id), payload)),
  (id: string, payload: Payload) => Plan.ask(Order.propose(House.at(id), payload)),
  (id: string, payload: Payload) => Plan.ask(Book.propose(House.at(id), payload)),
  (id: string, payload: Payload) => Plan.ask(Peek.propose(House.at(id), payload)),
  (id: string, payload: Payload) => Plan.ask(Lock.propose(House.at(id), payload))
]

type Handlers = Layer.Success<ReturnType<typeof connectors>>

/** The scenario of a seed. */
export const of = (seed: number): Plan.Scenario<Handlers> => {
  const seeded = Seeded.make(seed, 9)
  // Few and hot: what is asked for meets on the same entities and under the same keys.
  const isCrowd = seeded.chance(0.15)
  const entities = isCrowd ? 1 : seeded.pick([1, 1, 2, 3])
  const actions = isCrowd ? seeded.between(5, 8) : seeded.between(1, 4)
  const share = seeded.pick([0, 0.2, 0.8])
  const asks = Array.from({ length: actions }, () => {
    const entity = `${seeded.below(entities)}`
    const payload = {
      what: `${seeded.below(isCrowd ? 6 : 3)}`,
      how: seeded.chance(0.05) ? "otherwise" : "plainly"
    }
    return seeded.chance(share)
      ? Plan.ask(Move.propose(Shutter.at(entity), payload))
      : seeded.pick(kinds)(entity, payload)
  })
  return { connectors, asks, verdicts: 2 }
}
