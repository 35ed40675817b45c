/**
 * capabilities: one of each kind, as the simulation of fibric itself asks for them: every recovery, with and
 * without a guard, a state, a retry, and a doubt that others may pass.
 */
import { Schedule, Schema } from "effect"
import { type Call, Capability, Connector, Entity, Guard, Recovery } from "fibric"
import type { World } from "../../src/testing/simulation/World.ts"

/** What it can be refused with. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

export const House = Entity.make("house")

/** A house whose shutters are counted: no more than two are ever moved. */
export const Shutter = Entity.make("shutter", {
  state: Schema.Struct({ moved: Schema.Int }),
  initial: { moved: 0 }
})

export const most = 2

const success = Schema.Struct({ id: Schema.String })

const payload = { what: Schema.String, how: Schema.String }

const common = {
  entity: House,
  payload,
  success,
  error: Refused,
  occasion: ({ what }: { readonly what: string }) => what,
  deadline: "1 second",
  validity: "20 seconds"
} as const

/** Nobody can be asked: a person decides. */
export const Ring = Capability.make("ring", {
  ...common,
  recovery: { ...Recovery.hold, quarantineMillis: 4_000 },
  retry: Schedule.spaced("300 millis").pipe(Schedule.upTo({ times: 2 }))
})

/** The provider recognises the key. */
export const Pay = Capability.make("pay", {
  ...common,
  recovery: Recovery.resend({
    window: "15 seconds",
    margin: "2 seconds",
    attempts: 3,
    backoff: "300 millis",
    quarantine: "4 seconds"
  }),
  stores: ["what", "how"]
})

/** The provider can be asked, and finding nothing proves nothing. */
export const Post = Capability.make("post", {
  ...common,
  recovery: Recovery.lookup({ lag: "1 second", every: "1 second", quarantine: "4 seconds" }),
  stores: ["what", "how"]
})

/** The provider can be asked, and finding nothing is enough after a while. */
export const Order = Capability.make("order", {
  ...common,
  recovery: Recovery.lookup({
    lag: "1 second",
    every: "1 second",
    quarantine: "5 seconds",
    releaseAfter: "8 seconds"
  }),
  stores: ["what", "how"]
})

/** It commits with its settlement. */
export const Book = Capability.make("book", { ...common, recovery: Recovery.transactional })

/** Its doubt lets others pass. */
export const Peek = Capability.make("peek", {
  ...common,
  recovery: { ...Recovery.hold, quarantineMillis: 4_000 },
  doubtHoldsLane: false
})

/** It passes the doubts of others. */
export const Lock = Capability.make("lock", {
  ...common,
  recovery: { ...Recovery.hold, quarantineMillis: 4_000 },
  passesDoubt: true
})

/** Wanted only while not too many have been moved. */
export const Move = Capability.make("move", {
  entity: Shutter,
  payload,
  success,
  error: Refused,
  occasion: ({ what }) => what,
  deadline: "1 second",
  validity: "20 seconds",
  recovery: Recovery.lookup({ lag: "1 second", every: "1 second", quarantine: "4 seconds" }),
  stores: ["what", "how"],
  guard: ({ state }) => (state.moved < most ? Guard.wanted : Guard.superseded("enough have been moved")),
  becomes: ({ state }) => ({ moved: state.moved + 1 })
})

const Provider = Connector.make("provider", Ring, Pay, Post, Order, Book, Peek, Lock, Move)

/** What an effect is answered with: the call's own, so that a mix-up shows. */
const outputOf = ({ attempt, key }: Call) => ({ id: `${key}#${attempt}` })

const refuses = new Refused({ why: "not today" })

/** The provider of a process. */
export const connectors = (world: World) => {
  const perform = (_payload: unknown, call: Call) => world.perform(call, outputOf(call), { refuses })
  const lookup = (_payload: unknown, call: Call) => world.lookup(call, outputOf(call), "1 second")
  return Provider.toLayer({
    ring: perform,
    pay: (_payload, call) => world.perform(call, outputOf(call), { refuses, recognises: "15 seconds" }),
    post: { perform, lookup },
    order: { perform, lookup },
    book: (_payload, call) => world.commit(call, outputOf(call), { refuses }),
    peek: perform,
    lock: perform,
    move: { perform, lookup }
  })
}
