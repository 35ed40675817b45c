/**
 * Checked by the compiler: what a capability over HTTP can't be made of.
 */
import { Effect, Layer, Option, Redacted, Schema } from "effect"
import { Capability, Connector, Entity, Recovery } from "fibric"
import * as Http from "fibric/connectors/http"

class Declined extends Schema.TaggedError<Declined>()("Declined", { code: Schema.String }) {}

const declared = {
  entity: Entity.make("invoice"),
  payload: { cents: Schema.Int },
  success: Schema.Struct({ id: Schema.String }),
  occasion: () => "full",
  deadline: "15 seconds",
  stores: ["cents"]
} as const

const Pay = Capability.make("pay", { ...declared, error: Declined, recovery: Recovery.hold })
const Ring = Capability.make("ring", { ...declared, recovery: Recovery.lookup({ lag: "1 second" }) })

const pay = Http.performing(Pay, {
  request: ({ cents }) => Http.post(["charges"], Http.json({ cents })),
  refused: ({ words }) => new Declined({ code: words }),
  table: { 200: ({ status }) => (status === 200 ? "success" : "unknown"), 429: "not_performed" }
})

const lookup = Http.lookingUp(Ring, {
  request: ({ cents }, { key }) => Http.get(["charges", cents], { query: { key } }),
  body: Schema.Struct({ data: Schema.Array(Schema.Struct({ id: Schema.String })) }),
  found: ({ data }) => Option.fromUndefinedOr(data[0])
})

const ring = { perform: Http.performing(Ring, { request: () => Http.post("rings") }), lookup }

const layer = Connector.make("payments", Pay, Ring).toLayer({ pay, ring })

const api = Http.layer({ url: "https://api.example.com", authorization: Http.bearer(Redacted.make("token")) })
export const whole = layer.pipe(Layer.provide(api))

Http.performing(Pay, {
  // @ts-expect-error the payload has no such field
  request: ({ euros }) => Http.post(["charges"], Http.json({ euros }))
})

Http.performing(Pay, {
  request: () => Http.post("charges"),
  // @ts-expect-error it is not the refusal that is declared
  refused: ({ status }) => new Http.HttpRefused({ status, said: "no" })
})

Http.performing(Ring, {
  request: () => Http.post("rings"),
  // @ts-expect-error it has declared no refusal
  refused: Http.HttpRefused.of
})

Http.performing(Pay, {
  request: () => Http.post("charges"),
  // @ts-expect-error a status proves one of four things
  table: { 200: "performed" }
})

Http.lookingUp(Ring, {
  // @ts-expect-error a question changes nothing
  request: () => Http.post("charges"),
  body: Schema.Unknown,
  found: () => Option.none()
})

// @ts-expect-error a connector without its API can't be built
export const missing: Effect.Effect<void> = Effect.scoped(Effect.asVoid(Layer.build(layer)))
