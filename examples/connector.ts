import { Effect, Schema } from "effect"
import { Capability, Connector, Entity, NotPerformed, OutcomeUnknown, Recovery } from "fibric"

export class CardRefused extends Schema.TaggedError<CardRefused>()("CardRefused", { code: Schema.String }) {}

export const Invoice = Entity.make("invoice")

export const Pay = Capability.make("pay", {
  entity: Invoice,
  payload: { cents: Schema.Int },
  success: Schema.Struct({ payment: Schema.String }),
  error: CardRefused,
  occasion: () => "full",
  recovery: Recovery.hold,
  deadline: "15 seconds"
})

/** What the provider's client says in the end; yours says it in its own way. */
export type Answer =
  | { readonly paid: string }
  | { readonly declined: string }
  | { readonly unreachable: string }
  | { readonly silent: string }

export const layer = (charge: (cents: number, key: string) => Effect.Effect<Answer>) =>
  Connector.make("payments", Pay).toLayer({
    pay: Effect.fn(function* ({ cents }, { key }) {
      const answer = yield* charge(cents, key)
      if ("paid" in answer) return { payment: answer.paid }
      if ("declined" in answer) return yield* new CardRefused({ code: answer.declined })
      // No connection: not a byte has left.
      if ("unreachable" in answer) {
        return yield* new NotPerformed({ proof: "never_sent", reason: answer.unreachable })
      }
      // It had begun, and no answer came. Nobody can tell.
      return yield* new OutcomeUnknown({ reason: answer.silent })
    })
  })
