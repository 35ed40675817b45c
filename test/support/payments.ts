/**
 * Payments for tests of recovery: one verb for each recovery that a capability can declare, and a
 * provider whose answers a test decides. It counts what really reached it.
 */
import { Effect, type Option, Schema } from "effect"
import { type Call, Capability, Connector, Entity, NotPerformed, OutcomeUnknown, Recovery } from "fibric"

export const Account = Entity.make("account")

export class CardRefused extends Schema.TaggedError<CardRefused>()("CardRefused", { code: Schema.String }) {}

const common = {
  entity: Account,
  payload: { cents: Schema.Int, occasion: Schema.String },
  success: Schema.Struct({ payment: Schema.String }),
  error: CardRefused,
  occasion: ({ occasion }: { readonly occasion: string }) => occasion,
  deadline: "10 seconds",
  stores: ["cents", "occasion"] as const
} as const

/** The provider recognises our key for an hour. */
export const Resent = Capability.make("resent", {
  ...common,
  recovery: Recovery.resend({ window: "1 hour", margin: "10 minutes", backoff: "30 seconds", attempts: 4 })
})

/** The same, and it answers a repeated key with its first answer. */
export const Replayed = Capability.make("replayed", {
  ...common,
  recovery: Recovery.resend({ window: "1 hour", margin: 0, backoff: "30 seconds", replays: true })
})

/** The provider can be asked; finding nothing proves nothing. */
export const LookedUp = Capability.make("looked-up", {
  ...common,
  recovery: Recovery.lookup({ lag: "1 minute", quarantine: "1 minute", every: "30 seconds" })
})

/** The provider can be asked; after ten minutes finding nothing is enough. */
export const LetGo = Capability.make("let-go", {
  ...common,
  recovery: Recovery.lookup({
    lag: "1 minute",
    quarantine: "1 minute",
    every: "30 seconds",
    releaseAfter: "10 minutes"
  })
})

type Answer = Effect.Effect<{ readonly payment: string }, CardRefused | NotPerformed | OutcomeUnknown>

/** One request at the provider. */
export interface Request {
  readonly verb: string
  readonly cents: number
  readonly call: Call
}

/** The provider as a test sees it. */
export interface Provider {
  readonly requests: Array<Request>
  readonly lookups: Array<Request>
  /** How requests are answered; the first one is number 1. */
  answer: (request: Request, number: number) => Answer
  /** What a lookup is told. */
  known: (request: Request) => Effect.Effect<Option.Option<{ readonly payment: string }>, OutcomeUnknown>
}

export const paid = ({ call }: Request): Answer => Effect.succeed({ payment: call.key })
export const lost: Answer = Effect.fail(new OutcomeUnknown({ reason: "the connection was reset" }))
export const unsent: Answer = Effect.fail(
  new NotPerformed({ proof: "never_sent", reason: "connection refused" })
)
export const declined: Answer = Effect.fail(new CardRefused({ code: "do_not_honour" }))

/** A provider, and the connector that acts on it. */
export const makeProvider = () => {
  const provider: Provider = {
    requests: [],
    lookups: [],
    answer: paid,
    known: () => Effect.succeedNone
  }
  const ask =
    (verb: string) =>
    ({ cents }: { readonly cents: number }, call: Call): Answer =>
      Effect.suspend(() => {
        const request = { verb, cents, call }
        provider.requests.push(request)
        return provider.answer(request, provider.requests.length)
      })
  const look =
    (verb: string) =>
    ({ cents }: { readonly cents: number }, call: Call) =>
      Effect.suspend(() => {
        const request = { verb, cents, call }
        provider.lookups.push(request)
        return provider.known(request)
      })
  const layer = Connector.make("payments", Resent, Replayed, LookedUp, LetGo).toLayer({
    resent: ask("resent"),
    replayed: ask("replayed"),
    "looked-up": { perform: ask("looked-up"), lookup: look("looked-up") },
    "let-go": { perform: ask("let-go"), lookup: look("let-go") }
  })
  return { provider, layer }
}
