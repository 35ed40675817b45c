/**
 * The intended changes of the lanes harness, and the connector that orders them from the world. One
 * entity, four capabilities: what depends on no state, what only reads it, what changes it, and what
 * changes it in the ledger's own database.
 */
import { Clock, Effect, Random, Schema } from "effect"
import {
  Capability,
  Connector,
  Entity,
  type ExecuteError,
  type Executor,
  execute,
  Guard,
  LedgerTransaction,
  OutcomeUnknown,
  type Performed,
  Recovery
} from "fibric"
import { elapsedMillis } from "../../src/kernel/Stopwatch.ts"
import type { OutsideWorld } from "./OutsideWorld.ts"

const Count = Schema.Struct({ count: Schema.Int })

export const Thing = Entity.make("thing", { state: Count, initial: { count: 0 } })

const payload = { occasion: Schema.String, holdMillis: Schema.Finite }

const common = {
  entity: Thing,
  payload,
  success: Schema.Struct({ done: Schema.String }),
  occasion: ({ occasion }: { readonly occasion: string }) => occasion,
  recovery: Recovery.hold,
  deadline: "20 seconds"
} as const

/** A guard takes any time up to this, in which others may claim and settle what it was asked about. */
const longestGuardMillis = 15

/** Each change of the state counts one: a guard that sees anything else was shown a torn state. */
const inStep = Effect.fnUntraced(function* ({
  state: { count },
  version
}: Guard.Question<typeof Count.Type, unknown>) {
  yield* Effect.sleep(yield* Random.nextBetween(0, longestGuardMillis))
  return yield* count === version
    ? Guard.wanted
    : Guard.superseded(`the count is ${count} at version ${version}`)
})

const counted = ({ state }: Capability.Change<typeof Count.Type, unknown>) => ({ count: state.count + 1 })

const Plain = Capability.make("plain", common)

const Guarded = Capability.make("guarded", { ...common, guard: inStep })

const Counted = Capability.make("counted", { ...common, guard: inStep, becomes: counted })

const Transacted = Capability.make("transacted", {
  ...common,
  recovery: Recovery.transactional,
  becomes: counted
})

export const capabilities = ["plain", "guarded", "counted", "transacted"] as const
export type CapabilityName = (typeof capabilities)[number]

/** What is asked for. */
export interface Wish {
  readonly capability: CapabilityName
  readonly entity: string
  readonly occasion: string
  readonly holdMillis: number
}

// One mark for each capability: the parameter distributes.
type HandlerOf<Name extends string> = Name extends string ? Connector.Handler<Name> : never

type Asking = Effect.Effect<
  Performed<(typeof common.success)["Type"]>,
  ExecuteError,
  Executor | HandlerOf<CapabilityName>
>

const propose = ({ capability, entity, ...payload }: Wish): Asking => {
  const at = Thing.at(entity)
  switch (capability) {
    case "plain":
      return execute(Plain.propose(at, payload))
    case "guarded":
      return execute(Guarded.propose(at, payload))
    case "counted":
      return execute(Counted.propose(at, payload))
    case "transacted":
      return execute(Transacted.propose(at, payload))
  }
}

const unknown = ({ message }: { readonly message: string }) => new OutcomeUnknown({ reason: message })

/** A worker's asks, and the connector that carries them out for it. */
export const make = (world: OutsideWorld, worker: string) => {
  const askedAt = new Map<string, bigint>()

  const ask = (wish: Wish): Asking =>
    Effect.andThen(
      Effect.map(Clock.monotonicTimeNanos, (now) => askedAt.set(wish.occasion, now)),
      Effect.ensuring(
        propose(wish),
        Effect.sync(() => askedAt.delete(wish.occasion))
      )
    )

  const order =
    (capability: CapabilityName) =>
    (
      { holdMillis, occasion }: Pick<Wish, "holdMillis" | "occasion">,
      call: { readonly entity: { readonly id: string } }
    ) =>
      Effect.gen(function* () {
        const now = yield* Clock.monotonicTimeNanos
        const waitedMillis = elapsedMillis(askedAt.get(occasion) ?? now, now)
        yield* world.perform({
          entity: call.entity.id,
          capability,
          occasion,
          worker,
          waitedMillis,
          holdMillis
        })
        return { done: occasion }
      }).pipe(Effect.mapError(unknown))

  const layer = Connector.make("world", Plain, Guarded, Counted, Transacted).toLayer({
    plain: order("plain"),
    guarded: order("guarded"),
    counted: order("counted"),
    transacted: (payload, call) =>
      Effect.gen(function* () {
        const sql = yield* LedgerTransaction
        yield* sql`INSERT INTO lanes_effect (entity, occasion) VALUES (${call.entity.id}, ${payload.occasion})`
        return yield* order("transacted")(payload, call)
      }).pipe(Effect.mapError(unknown))
  })

  return { ask, layer }
}
