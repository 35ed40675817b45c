/**
 * The same evidence under encryption, where nobody can watch the wire: the outcome doesn't depend on
 * seeing the server's 354 go by.
 */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import * as MailServer from "../../demo/parts/MailServer.ts"
import { callFor, mailTo, options, outcomeOf, sendOnce } from "./support.ts"

/** An authority for 127.0.0.1, made for these tests, known to nobody and valid for a hundred years. */
const files = {
  certificate: fileURLToPath(new URL("./fixtures/certificate.pem", import.meta.url)),
  key: fileURLToPath(new URL("./fixtures/key.pem", import.meta.url))
}

class Trusted extends Context.Service<
  Trusted,
  { readonly server: MailServer.MailServer; readonly ca: string }
>()("test/connectors/Trusted") {
  static readonly layer = Layer.effect(
    Trusted,
    Effect.gen(function* () {
      return { server: yield* MailServer.make(files), ca: readFileSync(files.certificate, "utf8") }
    })
  )
}

const outcomes: ReadonlyArray<readonly [MailServer.Behaviour | undefined, string, number]> = [
  [undefined, "done", 1],
  [{ stage: "data", action: "drop" }, "NotPerformed never_sent", 0],
  [{ stage: "rcpt", action: "answer", code: 550 }, "SmtpRefused 550", 0],
  [{ stage: "data-end", action: "drop", keeps: true }, "OutcomeUnknown", 1],
  [{ stage: "data-end", action: "answer", code: 451 }, "NotPerformed provider_denies", 0]
]

describe("a mail over STARTTLS with a trusted certificate", () => {
  layer(Trusted.layer, { excludeTestServices: true })((it) => {
    for (const [index, [behaviour, outcome, mails]] of outcomes.entries()) {
      const when =
        behaviour === undefined ? "nothing goes wrong" : `${behaviour.stage} meets "${behaviour.action}"`
      it.effect(`is ${outcome}, with ${mails} kept, when ${when}`, () =>
        Effect.gen(function* () {
          const { ca, server } = yield* Trusted
          yield* server.clear
          yield* server.behave(...(behaviour === undefined ? [] : [behaviour]))
          const encrypted = options(server.smtpPort, {
            encryption: "starttls",
            ca,
            user: "fibric",
            password: Redacted.make("open sesame")
          })
          const name = `tls-${index}`
          const result = yield* sendOnce(encrypted, mailTo(name), callFor(name))
          const kept = yield* server.mailsWhenIdle
          assert.deepStrictEqual([outcomeOf(result), kept.length], [outcome, mails])
        })
      )
    }
  })
})
