/**
 * Provider: the far side of `resend`, as the workers and the judge see it. The process behind it is
 * `provider-process.ts`.
 */
import { Schema } from "effect"
import * as Served from "../harness/Served.ts"

/** One request, as it is sent. */
export interface Order {
  readonly key: string
  readonly entity: string
  readonly transaction: number
  readonly number: number
}

const Effects = Schema.Struct({
  effects: Schema.Array(
    Schema.Struct({ entity: Schema.String, transaction: Schema.Int, number: Schema.Int })
  ),
  /** How many requests came under a key that it knew. */
  recognised: Schema.Int
})

/** Makes it happen, or is told that it has happened under this key already. */
export const perform = (port: number, order: Order) => Served.ask(port, Schema.Struct({}), "/effects", order)

/** What has happened, in order. */
export const happened = (port: number) => Served.ask(port, Effects, "/effects")

/** Starts a provider for as long as the scope lives; its port. */
export const make = Served.start(new URL("./provider-process.ts", import.meta.url))
