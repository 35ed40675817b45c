/**
 * Entity: anything that the outside world may be changed for (order 4471, door 12, a customer).
 *
 * An entity type is declared once; its address names one of them. One action at a time is in flight
 * for an address, in this process and in every other one that shares the ledger.
 */
import { sha256 } from "./Digest.ts"

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

/** A type of entity. `at` names one of them. */
export interface Entity<Type extends string = string> {
  readonly type: Type
  /** Names one entity of this type. Total: nothing is checked before `execute`. */
  at(id: string): EntityAddress<Type>
}

/** Declares a type of entity. */
export const make = <const Type extends string>(type: Type): Entity<Type> => ({
  type,
  at: (id) => ({ type, id })
})

/** The readable form, `order-4471`. For people; two addresses can share a label, never a hash. */
export const label = (address: EntityAddress): string => `${address.type}-${address.id}`

/** 32 bytes that stand for the address: `order-4`+`71` and `order`+`4-71` differ. */
export const hash = (address: EntityAddress): Uint8Array =>
  sha256(JSON.stringify(["fibric/entity/1", address.type, address.id]))
