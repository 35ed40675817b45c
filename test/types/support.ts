/**
 * What the type tests are made of: a question about two types, asked where a wrong answer is a
 * compile error, and one shop's capabilities to ask it of.
 *
 * These files run nowhere. `npm run types` is the test: an error that is expected and doesn't come is
 * an error itself.
 */
import { Effect, Schema } from "effect"
import { Capability, Connector, Content, Entity, Recovery } from "fibric"

/** Whether two types are the same. `any` is the same as `any` only. */
export type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Whether a type is `any`, which would silence every other question. */
export type IsAny<A> = 0 extends 1 & A ? true : false

/** Compiles for `true` only. */
export declare const isTrue: <Answer extends true>() => Answer

/** Compiles for `false` only. */
export declare const isFalse: <Answer extends false>() => Answer

export const Order = Entity.make("order")
export const Door = Entity.make("door")

export class EmailRefused extends Schema.TaggedError<EmailRefused>()("EmailRefused", {
  reason: Schema.String
}) {}

export class DoorStuck extends Schema.TaggedError<DoorStuck>()("DoorStuck", { torque: Schema.Finite }) {}

export const Notify = Capability.make("notify", {
  entity: Order,
  payload: {
    to: Schema.String,
    status: Schema.Literals(["packed", "shipped"]),
    text: Content(Schema.String),
    note: Schema.optionalKey(Schema.String)
  },
  success: Schema.Struct({ messageId: Schema.String }),
  error: EmailRefused,
  occasion: ({ status }) => status,
  recovery: Recovery.hold,
  deadline: "20 seconds"
})

/** Nothing but success: no refusal is declared. */
export const Unlock = Capability.make("unlock", {
  entity: Door,
  payload: Schema.Struct({ until: Schema.DateTimeUtcFromString }),
  success: Schema.Void,
  occasion: ({ until }) => String(until.epochMilliseconds),
  recovery: Recovery.hold,
  deadline: "5 seconds"
})

export const shop = Connector.make("shop", Notify, Unlock)

export const payload = { to: "ada@example.com", status: "shipped", text: "It is on its way." } as const

export const sent = Effect.succeed({ messageId: "m-1" })
