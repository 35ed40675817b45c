/**
 * Entity: anything that the outside world may be changed for (order 4471, door 12, a customer).
 *
 * An entity type is declared once; its address names one of them. One action at a time is in flight
 * for an address, in this process and in every other one that shares the ledger.
 *
 * It may have a state: what its settled actions have made of it, with a version that rises with each
 * change. The ledger keeps it; guards read it, and nothing but a settlement's commit changes it.
 */
import { sha256 } from "./Digest.ts"
import type { PlainCodec } from "./PlainCodec.ts"

/**
 * One entity's name: the type and the id inside that type.
 *
 * Bytes are identity: ids are compared as they are, without trimming, case folding or Unicode
 * normalisation. What an id may look like is checked when an action is executed (`InvalidKey`).
 */
export interface EntityAddress<Type extends string = string> {
  readonly type: Type
  readonly id: string
}

/** A shape that stored states may still have, and what such a state is now. */
export interface EarlierShape<State> {
  readonly schema: PlainCodec
  upgrade(earlier: unknown): State
}

/** What an entity's state looks like. */
export interface Shape<State> {
  readonly schema: PlainCodec
  /** The state of an entity that no action has changed yet. */
  readonly initial: State
  /** The shapes before, the oldest first: a stored state says by its number which one it has. */
  readonly earlier: ReadonlyArray<EarlierShape<State>>
}

/** A type of entity. `at` names one of them. */
export interface Entity<Type extends string = string, State = unknown> {
  readonly type: Type
  /** `undefined` where the type was declared without a state. */
  readonly shape: Shape<State> | undefined
  /** Names one entity of this type. Total: nothing is checked before `execute`. */
  at(id: string): EntityAddress<Type>
}

/** How a type's state is declared. */
export interface StateOptions<State extends PlainCodec> {
  /** What is stored in the ledger, as JSON of this schema. No secrets. */
  readonly state: State
  readonly initial: NoInfer<State["Type"]>
  /**
   * The shapes that the state had before, the oldest first, each made by `Entity.earlier`. Append the
   * old schema when it changes, and never take one away while rows may have it: a stored state is
   * upgraded when it is read, and written in the new shape by the next settlement.
   */
  readonly earlier?: ReadonlyArray<EarlierShape<NoInfer<State["Type"]>>>
}

/** Declares a type of entity: by its name alone, or with a state. */
export const make: {
  <const Type extends string>(type: Type): Entity<Type, undefined>
  <const Type extends string, State extends PlainCodec>(
    type: Type,
    options: StateOptions<State>
  ): Entity<Type, State["Type"]>
} = <Type extends string>(type: Type, options?: StateOptions<PlainCodec>): Entity<Type, undefined> => ({
  type,
  // Of the two signatures the second one has a state of its schema's type.
  shape: options && {
    schema: options.state,
    initial: options.initial as undefined,
    earlier: (options.earlier ?? []) as ReadonlyArray<EarlierShape<undefined>>
  },
  at: (id) => ({ type, id })
})

/** A shape that is no longer written: its schema, and what such a state is now. */
export const earlier = <Before extends PlainCodec, State>(
  schema: Before,
  upgrade: (earlier: Before["Type"]) => State
): EarlierShape<State> => ({
  schema,
  // What reaches it was decoded by that schema.
  upgrade: (value) => upgrade(value)
})

/** The readable form, `order-4471`. For people; two addresses can share a label, never a hash. */
export const label = (address: EntityAddress): string => `${address.type}-${address.id}`

/** 32 bytes that stand for the address: `order-4`+`71` and `order`+`4-71` differ. */
export const hash = (address: EntityAddress): Uint8Array =>
  sha256(JSON.stringify(["fibric/entity/1", address.type, address.id]))
