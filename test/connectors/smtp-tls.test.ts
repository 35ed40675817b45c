/**
 * The same evidence under encryption, where nobody can watch the wire: the outcome doesn't depend on
 * seeing the server's 354 go by.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import * as MailServer from "../../demo/parts/MailServer.ts"
import { callFor, mailTo, options, outcomeOf, sendOnce } from "./support.ts"

/** A fresh authority for 127.0.0.1, made by the machine's openssl and thrown away afterwards. */
const makeCertificate = (folder: string) => {
  const files = { certificate: join(folder, "certificate.pem"), key: join(folder, "key.pem") }
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
  execFileSync(
    "openssl",
    ["req", "-x509", ...kind, ...subject, "-keyout", files.key, "-out", files.certificate],
    {
      stdio: "ignore"
    }
  )
  return files
}

const hasOpenssl = (() => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
})()

class Trusted extends Context.Service<
  Trusted,
  { readonly server: MailServer.MailServer; readonly ca: string }
>()("test/connectors/Trusted") {
  static readonly layer = Layer.effect(
    Trusted,
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "fibric-smtp-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
      )
      const files = makeCertificate(folder)
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

describe.runIf(hasOpenssl)("a mail over STARTTLS with a trusted certificate", () => {
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
