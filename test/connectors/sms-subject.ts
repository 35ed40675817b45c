/**
 * The SMS connector as a subject of the laws: against a fake of Twilio, with its ready-made capability.
 */
import { Effect, Layer, Redacted } from "effect"
import * as Sms from "fibric/connectors/sms"
import * as Laws from "fibric/testing/laws"
import * as FakeTwilio from "../support/FakeTwilio.ts"

/** A number of Twilio's for tests whose owner has opted out. */
export const optedOut = "+15005550004"

/** Where the connector finds it, behind whatever stands at the port. */
export const optionsFor = (port: number, more: Partial<Sms.Options> = {}): Sms.Options => ({
  account: FakeTwilio.account,
  secret: Redacted.make(FakeTwilio.secret),
  from: FakeTwilio.from,
  url: `http://127.0.0.1:${port}/2010-04-01`,
  plaintext: true,
  networks: ["127.0.0.1"],
  ...more
})

const ada = Sms.Recipient.at("ada")
const said = { purpose: "reminder 27", text: "See you tomorrow at nine." }

export const sms = Laws.subject({
  name: "sms",
  server: Effect.map(FakeTwilio.make(), ({ port, texts }) => ({
    port,
    // Twilio takes no key for texts.
    effects: Effect.map(texts, (all) => all.map((): Laws.Happened => ({ key: undefined })))
  })),
  connector: ({ port }) => Sms.layerSendSms.pipe(Layer.provide(Sms.layer(optionsFor(port)))),
  action: Sms.sendSms.propose(ada, { ...said, to: "+15558675310" }),
  refused: Sms.sendSms.propose(ada, { ...said, to: optedOut }),
  secrets: [FakeTwilio.secret],
  silence: "400 millis"
})
