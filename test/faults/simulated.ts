/**
 * An action in simulated processes where one thing goes wrong at one step: what happened in the world, what
 * callers were answered, and which receipts there are in the end.
 */
import { assert } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { type Call, Capability, Connector, Entity, execute, type Receipt, ReceiptLog, Recovery } from "fibric"
import type { Bounds } from "../../src/kernel/Settings.ts"
import * as Faults from "../../src/testing/simulation/Faults.ts"
import type * as Plan from "../../src/testing/simulation/Plan.ts"
import * as Simulation from "../../src/testing/simulation/Simulation.ts"
import type { World } from "../../src/testing/simulation/World.ts"

const House = Entity.make("house")

const common = {
  entity: House,
  payload: { what: Schema.String },
  success: Schema.Struct({ id: Schema.String }),
  occasion: ({ what }: { readonly what: string }) => what,
  deadline: "1 second",
  stores: ["what"] as const
} as const

/** A person decides. */
const Ring = Capability.make("ring", { ...common, recovery: Recovery.hold })

/** The provider recognises the key for long enough. */
const Pay = Capability.make("pay", {
  ...common,
  recovery: Recovery.resend({ window: "1 hour", attempts: 3, backoff: "100 millis" })
})

const ringing = Ring.propose(House.at("1"), { what: "doorbell" })
const paying = Pay.propose(House.at("1"), { what: "rent" })

/** How a request ended: with a receipt, or with an error; and the name of either. */
const heard = <A extends { readonly receipt: Receipt }, E extends { readonly _tag: string }, R>(
  request: Effect.Effect<A, E, R>
) =>
  Effect.match(request, {
    onSuccess: (done) => ({ told: done.receipt.outcome as string, end: Effect.succeed(done) }),
    onFailure: (error) => ({ told: error._tag as string, end: Effect.fail(error) })
  })

export const ring = { action: ringing, request: heard(execute(ringing)) } as const
export const pay = { action: paying, request: heard(execute(paying)) } as const

type Asked = typeof ring | typeof pay

const outputOf = ({ attempt, key }: Call) => ({ id: `${key}#${attempt}` })

const connectors = (world: World) => {
  const layer = Connector.make("provider", Ring, Pay).toLayer({
    ring: (_payload, call) => world.perform(call, outputOf(call)),
    pay: (_payload, call) => world.perform(call, outputOf(call), { recognises: "1 hour" })
  })
  return Layer.merge(layer, Layer.effect(ReceiptLog, ReceiptLog))
}

/** How it ended. */
export interface End {
  readonly effects: number
  /** What who asked last was told: a receipt's outcome, or an error's name. */
  readonly answer: string | undefined
  /** The key's receipts by outcome, in order, but for those of repeats. */
  readonly receipts: ReadonlyArray<string>
  readonly kills: number
}

export interface Options {
  readonly bounds?: Partial<Bounds>
  readonly asksAtMillis?: ReadonlyArray<number>
}

const repeats: ReadonlySet<string> = new Set(["deduplicated", "joined"])

const seeds = [1, 2, 3, 4, 5]

/**
 * Asks in one of two processes while these faults happen, and at the end once more; from several seeds. Each
 * of the faults has to be met, and the judge of the simulation must have nothing to say against it.
 */
export const simulate = (
  asked: Asked,
  planned: ReadonlyArray<Faults.Planned>,
  options: Options = {}
): ReadonlyArray<End> => seeds.map((seed) => follow(asked, planned, options, seed))

const follow = (
  { action, request }: Asked,
  planned: ReadonlyArray<Faults.Planned>,
  { asksAtMillis = [0], bounds = {} }: Options,
  seed: number
): End => {
  let end: Pick<End, "answer" | "receipts"> = { answer: undefined, receipts: [] }
  const run = Effect.gen(function* () {
    const answer = yield* request
    const log = yield* ReceiptLog
    const outcomes = (yield* Effect.orDie(log.byKey(action.key))).map(({ outcome }) => outcome)
    end = { answer: answer.told, receipts: outcomes.filter((outcome) => !repeats.has(outcome)) }
    return yield* answer.end
  })
  const scenario: Plan.Scenario<Connector.Handler<"ring"> | Connector.Handler<"pay"> | ReceiptLog> = {
    connectors,
    asks: [{ action, run }],
    bounds
  }
  const outcome = Simulation.follow(scenario, {
    seed,
    processes: 2,
    requests: asksAtMillis.map((atMillis) => ({ asking: 0, atMillis, replica: 0 })),
    faults: planned,
    verdictsAt: [],
    yields: 0
  })
  assert.deepStrictEqual(outcome.violations, [])
  const cells = new Set(planned.map(Faults.nameOf))
  assert.deepStrictEqual([...outcome.hits.keys()].toSorted(), [...cells].toSorted())
  return { ...end, effects: outcome.effects.length, kills: outcome.kills }
}
