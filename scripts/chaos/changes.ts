/**
 * The intended changes of the chaos harness, one for each recovery that a capability can declare, and the
 * connector that orders them from the world. All are for one type of entity, whose lane they share.
 */
import { Effect, Option, Schema } from "effect"
import {
  Capability,
  Connector,
  Entity,
  type ExecuteError,
  type Executor,
  execute,
  Guard,
  LedgerTransaction,
  NotPerformed,
  OutcomeUnknown,
  type Performed,
  Recovery,
  Settings
} from "fibric"
import * as Dice from "./Dice.ts"
import type { OutsideWorld } from "./OutsideWorld.ts"
import * as promises from "./promises.ts"
import type { CapabilityName, Wish } from "./Wish.ts"

const Count = Schema.Struct({ count: Schema.Int })

const Thing = Entity.make("thing", { state: Count, initial: { count: 0 } })

/** The world says no, for good. */
class Declined extends Schema.TaggedError<Declined>()("Declined", { occasion: Schema.String }) {}

const common = {
  entity: Thing,
  payload: { occasion: Schema.String },
  success: Schema.Struct({ effect: Schema.String }),
  error: Declined,
  occasion: ({ occasion }: { readonly occasion: string }) => occasion,
  effectId: ({ effect }: { readonly effect: string }) => effect,
  stores: ["occasion"] as const,
  deadline: promises.deadlineMillis,
  validity: "8 seconds"
} as const

const asked = {
  lag: promises.visibleAfterMillis,
  quarantine: promises.quarantineMillis,
  every: "300 millis"
} as const

const Hold = Capability.make("hold", { ...common, recovery: Recovery.hold })

const Resend = Capability.make("resend", {
  ...common,
  recovery: Recovery.resend({ window: promises.recognisedMillis, backoff: "300 millis" })
})

const Lookup = Capability.make("lookup", { ...common, recovery: Recovery.lookup(asked) })

const Release = Capability.make("release", {
  ...common,
  recovery: Recovery.lookup({ ...asked, releaseAfter: promises.releaseAfterMillis })
})

/** Each change of the state counts one: a guard that sees anything else was shown a torn state. */
const Counted = Capability.make("counted", {
  ...common,
  recovery: Recovery.lookup(asked),
  guard: ({ state: { count }, version }) =>
    count === version ? Guard.wanted : Guard.superseded(`torn: the count is ${count} at version ${version}`),
  becomes: ({ state }) => ({ count: state.count + 1 })
})

const Transact = Capability.make("transact", { ...common, recovery: Recovery.transactional })

// One mark for each capability: the parameter distributes.
type HandlerOf<Name extends string> = Name extends string ? Connector.Handler<Name> : never

type Asking = Effect.Effect<
  Performed<(typeof common.success)["Type"]>,
  Declined | ExecuteError,
  Executor | HandlerOf<CapabilityName>
>

/** Asks for a change. */
export const ask = ({ capability, entity, occasion }: Wish): Asking => {
  const at = Thing.at(entity)
  switch (capability) {
    case "hold":
      return execute(Hold.propose(at, { occasion }))
    case "resend":
      return execute(Resend.propose(at, { occasion }))
    case "lookup":
      return execute(Lookup.propose(at, { occasion }))
    case "release":
      return execute(Release.propose(at, { occasion }))
    case "counted":
      return execute(Counted.propose(at, { occasion }))
    case "transact":
      return execute(Transact.propose(at, { occasion }))
  }
}

interface Called {
  readonly key: string
  readonly entity: { readonly id: string }
  readonly attempt: number
}

/** How long a connector takes at most before its request leaves. */
const prepareMillis = 250

const unknown = ({ message }: { readonly message: string }) => new OutcomeUnknown({ reason: message })

/** Carries the changes out, in a worker's name. */
export const layerConnector = (world: OutsideWorld, worker: string) => {
  const order = (capability: CapabilityName) =>
    Effect.fnUntraced(function* (
      { occasion }: { readonly occasion: string },
      { attempt, entity, key }: Called
    ) {
      // It takes a while to get ready: who is stopped in it sends long after the last look at the clock.
      yield* Effect.sleep(Dice.fixed(entity.id, occasion, attempt) * prepareMillis)
      const told = yield* Effect.mapError(
        world.perform({ key, capability, entity: entity.id, occasion, attempt, worker }),
        unknown
      )
      switch (told._tag) {
        case "Done":
          return { effect: told.effect }
        case "Denied":
          return yield* new NotPerformed({ proof: "provider_denies", reason: "the world says so" })
        case "Declined":
          return yield* new Declined({ occasion })
      }
    })
  const asking = <const Name extends CapabilityName>(capability: Name) => ({
    perform: order(capability),
    lookup: (_payload: unknown, { key }: Called) =>
      Effect.map(world.lookUp(key), (effect) =>
        Option.map(Option.fromNullOr(effect), (effect) => ({ effect }))
      )
  })
  return Connector.make("world", Hold, Resend, Lookup, Release, Counted, Transact).toLayer({
    hold: order("hold"),
    resend: order("resend"),
    lookup: asking("lookup"),
    release: asking("release"),
    counted: asking("counted"),
    transact: ({ occasion }, { attempt, entity }) =>
      Effect.gen(function* () {
        const sql = yield* LedgerTransaction
        const mood = Dice.fixed(entity.id, occasion, attempt)
        yield* sql`INSERT INTO chaos_effect (entity, occasion, attempt) VALUES (${entity.id}, ${occasion}, ${attempt})`
        yield* Effect.sleep(10 + mood * 120)
        // What has been done is taken back.
        if (mood < 0.05) return yield* new OutcomeUnknown({ reason: "it failed in the middle" })
        return { effect: `${entity.id}-${occasion}-${attempt}` }
      }).pipe(Effect.catchTag("SqlError", (error) => Effect.fail(unknown(error))))
  })
}

/** Short, so that much happens in a minute; long enough for a busy machine. */
export const layerSettings = Settings.layer({
  leaseMillis: 1_200,
  beatMillis: 300,
  reapMillis: 300,
  doubtMarginMillis: 600,
  graceMillis: 3_000,
  turnMillis: 1_000,
  recoverMillis: 250,
  sealMillis: 1_000,
  maxPollMillis: 200
})
