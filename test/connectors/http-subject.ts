/**
 * The HTTP connector as subjects of the laws: one provider, by each recovery, in the clear and over TLS.
 */
import { Layer, Option, Redacted, Schema } from "effect"
import { Capability, Connector, Entity, Recovery } from "fibric"
import * as Http from "fibric/connectors/http"
import * as Laws from "fibric/testing/laws"
import { fixture, mostCents, provider } from "./http-provider.ts"

const token = "sk_live_correct_horse_battery_staple"

class Declined extends Schema.TaggedError<Declined>()("Declined", { said: Schema.String }) {}

const Charge = Schema.Struct({ id: Schema.String })
export const Invoice = Entity.make("invoice")

const declared = {
  entity: Invoice,
  payload: { cents: Schema.Int },
  success: Charge,
  error: Declined,
  occasion: () => "full",
  deadline: "15 seconds",
  stores: ["cents"],
  effectId: ({ id }: typeof Charge.Type) => id
} as const

export const how = {
  request: ({ cents }: { readonly cents: number }) => Http.post(["charges"], Http.json({ cents })),
  // What the provider says is told as it is: our own token is struck out of it by then.
  refused: (answer: Http.Answer) => new Declined({ said: answer.words })
}

export const layerAt = (scheme: "http" | "https", { host, port }: Laws.Address) =>
  Http.layer({
    url: `${scheme}://${host}:${port}/v1`,
    authorization: Http.bearer(Redacted.make(token)),
    plaintext: scheme === "http",
    networks: ["127.0.0.1"],
    ca: fixture("certificate")
  })

const common = { secrets: [token], silence: "400 millis" } as const
const [affordable, dear] = [{ cents: 420 }, { cents: mostCents + 1 }]

export const Pay = Capability.make("pay", { ...declared, recovery: Recovery.hold })

const held = (name: string, scheme: "http" | "https") =>
  Laws.subject({
    ...common,
    name,
    server: provider(scheme),
    connector: (address) =>
      Connector.make("payments", Pay)
        .toLayer({ pay: Http.performing(Pay, how) })
        .pipe(Layer.provide(layerAt(scheme, address))),
    action: Pay.propose(Invoice.at("7"), affordable),
    refused: Pay.propose(Invoice.at("8"), dear)
  })

export const httpHold = held("http (hold)", "http")
export const httpEncrypted = { ...held("http over tls (hold)", "https"), silence: "1 second" } as const

export const Settle = Capability.make("settle", {
  ...declared,
  recovery: Recovery.resend({ window: "1 day", replays: true, backoff: "20 millis" })
})

export const httpResend = Laws.subject({
  ...common,
  name: "http (resend)",
  server: provider("http"),
  connector: (address) =>
    Connector.make("payments", Settle)
      .toLayer({ settle: Http.performing(Settle, how) })
      .pipe(Layer.provide(layerAt("http", address))),
  action: Settle.propose(Invoice.at("7"), affordable),
  refused: Settle.propose(Invoice.at("8"), dear)
})

export const Collect = Capability.make("collect", {
  ...declared,
  recovery: Recovery.lookup({ lag: "1 second", every: "20 millis" })
})

export const collecting = {
  perform: Http.performing(Collect, how),
  lookup: Http.lookingUp(Collect, {
    // The provider has the key as it stood in the header: quoted.
    request: (_, { key }) => Http.get("charges", { query: { key: JSON.stringify(key) } }),
    body: Schema.Struct({ data: Schema.Array(Charge) }),
    found: ({ data }) => Option.fromUndefinedOr(data[0])
  })
}

export const httpLookup = Laws.subject({
  ...common,
  name: "http (lookup)",
  server: provider("http"),
  connector: (address) =>
    Connector.make("payments", Collect)
      .toLayer({ collect: collecting })
      .pipe(Layer.provide(layerAt("http", address))),
  action: Collect.propose(Invoice.at("7"), affordable),
  refused: Collect.propose(Invoice.at("8"), dear)
})
