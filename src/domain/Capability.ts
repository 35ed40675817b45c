/**
 * Capability: one verb, with what goes in, what comes out, what may be refused, the rule that derives
 * its key, and what to do in doubt. A definition only; a `Connector` carries it out.
 */
import { Duration, type Effect, Schedule, Schema } from "effect"
import { type Action, make as makeAction } from "./Action.ts"
import type { Entity, EntityAddress } from "./Entity.ts"
import type * as Guard from "./Guard.ts"
import { type PayloadRole, rolesOf } from "./PayloadField.ts"
import type { PlainCodec } from "./PlainCodec.ts"
import type { Recovery } from "./Recovery.ts"
import { pathsIn } from "./Secret.ts"

export type { PlainCodec } from "./PlainCodec.ts"

/** A struct of such fields. */
export type PayloadFields = { readonly [name: string]: PlainCodec }

/** Any capability; used as a bound for type parameters. */
export type Any = Capability<string, string, PlainCodec, PlainCodec, PlainCodec, Recovery, unknown>

/**
 * What an action does where another one of its entity is in flight.
 *
 * - `queue`: it waits for its turn, in the order of arrival
 * - `latest`: it waits, and takes the place of those of its capability that only wait in this process
 * - `reject`: it gets `LaneBusy` at once
 */
export type WhenBusy = "queue" | "latest" | "reject"

/** An entity's state and an action's payload, to decide by. */
export interface Change<State, Payload> {
  readonly entity: EntityAddress
  readonly state: State
  readonly payload: Payload
}

/**
 * One verb for one type of entity. Its name is unique in a ledger. `occasion` and `propose` are
 * methods so that a capability of any payload is assignable to `Any`.
 */
export interface Capability<
  Name extends string,
  Type extends string,
  Payload extends PlainCodec,
  Success extends PlainCodec,
  Refusal extends PlainCodec,
  R extends Recovery = Recovery,
  Services = never
> {
  readonly name: Name
  readonly entity: Entity<Type>
  readonly payload: Payload
  readonly success: Success
  /** What the provider may definitely refuse with. `Schema.Never` where it can't. */
  readonly error: Refusal
  occasion(payload: Payload["Type"]): string
  readonly recovery: R
  readonly deadlineMillis: number
  readonly validityMillis: number
  readonly doubtHoldsLane: boolean
  readonly passesDoubt: boolean
  readonly whenBusy: WhenBusy
  /** `undefined`: always wanted. */
  readonly guard:
    | ((question: Guard.Question<unknown, unknown>) => Effect.Effect<Guard.Verdict, unknown, Services>)
    | undefined
  /** `undefined`: the entity's state stays as it is. */
  readonly becomes: ((change: Change<unknown, unknown>) => unknown) | undefined
  /** When an action is tried again after proof that nothing was performed. */
  readonly retry: Schedule.Schedule<unknown, unknown>
  /** The names of the payload's fields that may be stored. */
  readonly stores: ReadonlySet<string>
  /** Where the payload has secrets: fields of `Schema.Redacted`. */
  readonly secrets: ReadonlyArray<ReadonlyArray<string>>
  /** What the provider calls the effect, read off the output; `null` where nothing says so. */
  effectId(output: Success["Type"]): string | null
  /** The fields that do not bind, by JSON pointer. */
  readonly roles: ReadonlyMap<string, PayloadRole>
  /**
   * Proposes the change for one entity. A value: nothing is checked and nothing runs before
   * `execute`. With `decidedAt`, the version of the state that it was decided against, it is superseded
   * where the state has changed since.
   */
  propose(
    at: EntityAddress<Type>,
    payload: Payload["Type"],
    options?: { readonly decidedAt?: number }
  ): Action<Capability<Name, Type, Payload, Success, Refusal, R, Services>>
}

/** What a capability is made of. */
export interface Options<
  Type extends string,
  Payload,
  Success extends PlainCodec,
  Refusal,
  R extends Recovery,
  State,
  Services
> {
  readonly entity: Entity<Type, State>
  /**
   * A struct's fields, or a struct. Fields are bound unless marked `Content` or `Volatile`. A field of
   * `Schema.Redacted` is a secret: the connector gets it, and it is never stored, logged or told.
   */
  readonly payload: Payload
  readonly success: Success
  /** A definite refusal by the provider: settled and replayed like a success. Default: none. */
  readonly error?: Refusal
  /**
   * What makes two uses for one entity the same intention (`"shipped"`). Derived from the payload
   * alone: never from the time, the asker or a random value.
   */
  readonly occasion: (payload: PayloadOf<Payload>["Type"]) => string
  /** What to do in doubt. Required: there is no safe default that suits every provider. */
  readonly recovery: R
  /**
   * How long the provider may take. Then the key is in doubt and the lane goes on. The call is not
   * cut short: its late result is still listened to.
   */
  readonly deadline: Duration.Input
  /** How long the action may wait for its turn. Default: 5 minutes. */
  readonly validity?: Duration.Input
  /** Whether a doubt keeps other actions from the entity. Default: true. */
  readonly doubtHoldsLane?: boolean
  /**
   * Whether it may be performed although another action of the entity is in doubt and holds the lane:
   * `lock` after a doubtful `unlock`, or what only reads. Default: false.
   */
  readonly passesDoubt?: boolean
  /** What it does where another action of the entity is in flight. Default: `queue`. */
  readonly whenBusy?: WhenBusy
  /**
   * Whether the action is still wanted, asked at the head of the lane. Its services are the connector
   * layer's. The claim holds only if the state's version is still the one that it saw; else it is asked
   * again. A guard that fails, dies or takes longer than a turn is no yes: nothing is performed.
   */
  readonly guard?: (
    question: Guard.Question<State, PayloadOf<Payload>["Type"]>
  ) => Effect.Effect<Guard.Verdict, unknown, Services>
  /**
   * What the entity's state is once the action has been performed. Computed before the claim and kept
   * with it, so that whoever settles the key commits it: this process, a recovery, or a person. Pure. Where
   * the state has moved on by then, after a doubt that others passed, it stays and only its version rises.
   * Of a program, leave it to the steps.
   */
  readonly becomes?: (change: Change<State, PayloadOf<Payload>["Type"]>) => State
  /**
   * When to try again by itself, after proof that nothing was performed; it ends with the action's
   * validity at the latest. Default: never; where the recovery is `transactional`, up to 5 times at once.
   */
  readonly retry?: Schedule.Schedule<unknown, unknown>
  /**
   * The payload's fields that may be stored in the ledger, by name. Default: none. `resend` and
   * `lookup` need all of it, optional fields included: a connector is refused at start where one is
   * missing here.
   */
  readonly stores?: ReadonlyArray<keyof PayloadOf<Payload>["Type"] & string>
  /**
   * What the provider calls the effect (a message's id, a payment's). With it, a second effect of one
   * key is told from the same one seen twice, and is reported as `duplicate_observed`.
   */
  readonly effectId?: (output: Success["Type"]) => string
}

/** The payload's schema: a struct given as such, or by its fields. */
export type PayloadOf<Payload> = Payload extends PlainCodec
  ? Payload
  : Payload extends PayloadFields
    ? Schema.Struct<Payload>
    : never

const never = Schedule.recurs(0)

/** A transaction that lost against another is worth another try, soon. */
const atOnce = Schedule.exponential("50 millis").pipe(Schedule.upTo({ times: 5 }))

/** Declares a capability. */
export const make = <
  const Name extends string,
  Type extends string,
  const Payload extends PlainCodec | PayloadFields,
  Success extends PlainCodec,
  const R extends Recovery,
  Refusal extends PlainCodec = Schema.Never,
  State = undefined,
  Services = never
>(
  name: Name,
  options: Options<Type, Payload, Success, Refusal, R, State, Services>
): Capability<Name, Type, PayloadOf<Payload>, Success, Refusal, R, Services> => {
  // The conditional type can't be narrowed by a run-time check; `isSchema` is that check.
  const payload = (
    Schema.isSchema(options.payload) ? options.payload : Schema.Struct(options.payload as PayloadFields)
  ) as PayloadOf<Payload>
  const { effectId } = options
  type Self = Capability<Name, Type, PayloadOf<Payload>, Success, Refusal, R, Services>
  const capability: Self = {
    name,
    entity: options.entity,
    payload,
    success: options.success,
    // Without a declared refusal the parameter is its default, `Never`.
    error: options.error ?? (Schema.Never as unknown as Refusal),
    occasion: options.occasion,
    recovery: options.recovery,
    deadlineMillis: Duration.toMillis(options.deadline),
    validityMillis: Duration.toMillis(options.validity ?? "5 minutes"),
    doubtHoldsLane: options.doubtHoldsLane ?? true,
    passesDoubt: options.passesDoubt ?? false,
    whenBusy: options.whenBusy ?? "queue",
    // Both are given what the kernel has decoded with these very schemas.
    guard: options.guard as Self["guard"],
    becomes: options.becomes as Self["becomes"],
    retry: options.retry ?? (options.recovery._tag === "Transactional" ? atOnce : never),
    stores: new Set(options.stores),
    effectId: (output) => effectId?.(output) ?? null,
    roles: rolesOf(payload),
    secrets: pathsIn(payload),
    propose: (at, payload, proposed) => makeAction(capability, at, payload, proposed?.decidedAt)
  }
  // Whoever could exchange `occasion` afterwards could give one change a second key.
  return Object.freeze(capability)
}
