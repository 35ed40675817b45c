/**
 * Smtp as its users see it: what arrives, what can't be smuggled in, and what an outcome says.
 */
import { assert, describe, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Fiber, Layer, Redacted, Result, type Scope } from "effect"
import * as Smtp from "../../connectors/smtp/index.ts"
import { compose } from "../../connectors/smtp/Mail.ts"
import { cutWhen, make as makeProxy } from "../../src/testing/TcpProxy.ts"
import { callFor, mailsTo, mailTo, options, outcomeOf, sendOnce, Server } from "./support.ts"

const headersOf = (name: string) =>
  Effect.gen(function* () {
    const server = yield* Server
    const mails = yield* server.mailsWhenIdle
    return mails.find(({ to }) => to.includes(`${name}@example.com`))
  })

/** Runs a test against a server that behaves. */
const provided = <A, E>(test: Effect.Effect<A, E, Server | Scope.Scope>) =>
  Effect.andThen(
    Effect.flatMap(Server, (server) => server.behave()),
    test
  )

describe("Smtp", () => {
  layer(Server.layer, { excludeTestServices: true })((it) => {
    it.effect("delivers the text as it is, dots and all, and answers with the id in the mail's header", () =>
      provided(
        Effect.gen(function* () {
          const { smtpPort } = yield* Server
          const sent = yield* Effect.fromResult(
            yield* sendOnce(options(smtpPort), mailTo("plain"), callFor("notify:order-4471:shipped"))
          )
          const mail = yield* headersOf("plain")
          assert.strictEqual(mail?.text, mailTo("plain").text)
          assert.strictEqual(mail?.subject, "Your order has left")
          assert.strictEqual(mail?.messageId, sent.messageId)
          assert.strictEqual(sent.response, "250 taken")
        })
      )
    )

    it.effect("gives a key one Message-ID for ever, and shows nothing of the key", () =>
      Effect.sync(() => {
        const id = Smtp.messageIdFor("notify:order-4471:<shipped>\r\nBcc: x@y.example", "shop@fibric.example")
        assert.match(id, /^<[0-9a-f]{40}\.fibric@fibric\.example>$/)
        assert.strictEqual(
          Smtp.messageIdFor("notify:order-4471:shipped", {
            name: "The shop",
            address: "shop@fibric.example"
          }),
          "<7ae8b9d93f4f71c9f68d7cd4935aa33e74f0271b.fibric@fibric.example>"
        )
        assert.notStrictEqual(id, Smtp.messageIdFor("notify:order-4472:shipped", "shop@fibric.example"))
      })
    )

    it.effect("lets nothing in a subject or a name become a header or a recipient", () =>
      provided(
        Effect.gen(function* () {
          const { smtpPort } = yield* Server
          const subject = "Hello\r\nBcc: spy@evil.example\r\nX-Evil: 1\r\n\r\nbody\0"
          yield* sendOnce(options(smtpPort), { ...mailTo("subject"), subject }, callFor("subject"))
          const mail = yield* headersOf("subject")
          assert.deepStrictEqual(mail?.to, ["subject@example.com"])
          assert.deepStrictEqual(
            mail?.headers.filter((line) => /^(?:bcc|x-evil)/i.test(line)),
            []
          )
        })
      )
    )

    const bad: ReadonlyArray<readonly [string, Partial<Smtp.Mail>]> = [
      ["an address with a line break", { to: "a@example.com\r\nRCPT TO:<spy@evil.example>" }],
      ["an address with a NUL", { to: "a\0@example.com" }],
      ["an address with brackets", { to: "a@example.com> SIZE=1 <b@example.com" }],
      ["two addresses", { to: "a@example.com, b@example.com" }],
      ["a sender's name with a line break", { from: { name: "x\r\nBcc: y", address: "a@example.com" } }],
      ["a header's value with a line break", { headers: { "X-Tag": "1\r\nBcc: spy@evil.example" } }],
      ["a header's name with a colon", { headers: { "X-Tag: 1\r\nBcc": "spy@evil.example" } }],
      ["a recipient header", { headers: { Bcc: "spy@evil.example" } }],
      ["a Message-ID of its own", { headers: { "message-id": "<1@example.com>" } }]
    ]
    for (const [index, [what, part]] of bad.entries()) {
      it.effect(`refuses ${what} before it connects`, () =>
        Effect.gen(function* () {
          const { smtpPort } = yield* Server
          const proxy = yield* makeProxy(smtpPort)
          const name = `bad-${index}`
          const result = yield* sendOnce(options(proxy.port), { ...mailTo(name), ...part }, callFor(name))
          assert.strictEqual(outcomeOf(result), "NotPerformed never_sent")
          assert.strictEqual(yield* proxy.connections, 0)
        })
      )
    }

    it.effect("proves that nothing was sent where a mail can't be composed", () =>
      Effect.gen(function* () {
        const mail: Smtp.Mail = {
          ...mailTo("broken"),
          get text(): string {
            throw new Error("the text is gone")
          }
        }
        const { proof, reason } = yield* Effect.flip(compose(mail, "shop@fibric.example", "broken"))
        assert.strictEqual(proof, "never_sent")
        assert.include(reason, "the text is gone")
      })
    )

    it.effect("proves that nothing was sent when nobody listens, and when the name is unknown", () =>
      Effect.gen(function* () {
        const gone = yield* Effect.scoped(Effect.map(makeProxy(1), ({ port }) => port))
        const refused = yield* sendOnce(options(gone), mailTo("nobody"), callFor("nobody"))
        const unknown = yield* sendOnce(
          options(gone, { host: "mail.invalid", connectTimeout: "5 seconds" }),
          mailTo("nobody"),
          callFor("nobody")
        )
        assert.strictEqual(outcomeOf(refused), "NotPerformed never_sent")
        assert.strictEqual(outcomeOf(unknown), "NotPerformed never_sent")
      })
    )

    it.effect("sends nothing to a server whose certificate it can't trust, or that speaks no TLS", () =>
      provided(
        Effect.gen(function* () {
          const { smtpPort } = yield* Server
          for (const encryption of ["starttls", "tls"] as const) {
            const result = yield* sendOnce(options(smtpPort, { encryption }), mailTo("tls"), callFor("tls"))
            assert.strictEqual(outcomeOf(result), "NotPerformed never_sent")
          }
          assert.strictEqual(yield* mailsTo("tls"), 0)
        })
      )
    )

    it.effect("trusts no stranger's certificate, although the environment says to trust any", () =>
      provided(
        Effect.gen(function* () {
          const { smtpPort } = yield* Server
          yield* Effect.acquireRelease(
            Effect.sync(() => void (process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0")),
            () => Effect.sync(() => void delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"])
          )
          const config = options(smtpPort, { encryption: "starttls" })
          const result = yield* sendOnce(config, mailTo("stranger"), callFor("stranger"))
          assert.strictEqual(outcomeOf(result), "NotPerformed never_sent")
          assert.strictEqual(yield* mailsTo("stranger"), 0)
        })
      )
    )

    it.effect("logs in where it is told to, and says nothing of the password when that fails", () =>
      provided(
        Effect.gen(function* () {
          const { smtpPort } = yield* Server
          const login = (password: string) =>
            options(smtpPort, { user: "fibric", password: Redacted.make(password) })
          const right = yield* sendOnce(login("open sesame"), mailTo("login"), callFor("login"))
          const wrong = yield* sendOnce(login("canary-secret"), mailTo("login"), callFor("login"))
          assert.strictEqual(outcomeOf(right), "done")
          assert.strictEqual(outcomeOf(wrong), "NotPerformed provider_denies")
          assert.notInclude(JSON.stringify(wrong), "canary-secret")
          assert.strictEqual(yield* mailsTo("login"), 1)
        })
      )
    )

    const command = `AUTH PLAIN ${Buffer.from("\0fibric\0canary-secret").toString("base64")}`
    for (const [what, repeated] of [
      ["whole", `${command}\r\n`],
      ["in part", `${command.slice(0, -4)}...\r\n`],
      ["and hangs up within the line", `${command} `]
    ] as const) {
      it.effect(`tells the codes alone where the server repeats the login ${what}`, () =>
        provided(
          Effect.gen(function* () {
            const server = yield* Server
            const bytes = `500 5.5.1 Unrecognized command: ${repeated}`
            yield* server.behave({ stage: "auth", action: "say", bytes })
            const proxy = yield* makeProxy(server.smtpPort)
            yield* proxy.setRule(cutWhen("server", /Unrecognized[^]*/, "after", "close"))
            const result = yield* sendOnce(
              options(proxy.port, { user: "fibric", password: Redacted.make("canary-secret") }),
              mailTo("repeats"),
              callFor("repeats")
            )
            assert.strictEqual(outcomeOf(result), "NotPerformed provider_denies")
            assert.strictEqual(
              Result.isFailure(result) && "reason" in result.failure && result.failure.reason,
              "500 5.5.1"
            )
          })
        )
      )
    }

    it.effect("keeps the mail back, with proof, once the call's deadline is near", () =>
      provided(
        Effect.gen(function* () {
          const server = yield* Server
          yield* server.behave({ stage: "data", action: "silence" })
          const result = yield* sendOnce(options(server.smtpPort), mailTo("late"), callFor("late", 1_000))
          assert.strictEqual(outcomeOf(result), "NotPerformed never_sent")
          assert.strictEqual(yield* mailsTo("late"), 0)
        })
      )
    )

    it.effect("keeps listening past the deadline once the mail has left: a late answer is evidence", () =>
      provided(
        Effect.gen(function* () {
          const server = yield* Server
          yield* server.behave({ stage: "data-end", action: "silence", keeps: true })
          const result = yield* sendOnce(
            options(server.smtpPort, { answerTimeout: "2 seconds" }),
            mailTo("listening"),
            callFor("listening", 1_000)
          )
          assert.strictEqual(outcomeOf(result), "OutcomeUnknown")
          assert.include(
            Result.isFailure(result) ? result.failure.message : "",
            Smtp.messageIdFor("listening", "shop@fibric.example")
          )
        })
      )
    )

    it.effect("closes its connection when it is interrupted", () =>
      provided(
        Effect.gen(function* () {
          const server = yield* Server
          const proxy = yield* makeProxy(server.smtpPort)
          // The cut is only the barrier: once it happened, the send is in the middle of its work.
          yield* proxy.setRule(cutWhen("server", /^354/m, "before", "swallow"))
          const sending = yield* Effect.forkChild(
            sendOnce(options(proxy.port), mailTo("stop"), callFor("stop"))
          )
          yield* proxy.awaitCut
          yield* Fiber.interrupt(sending)
          // Answered only once no conversation is open at the server.
          assert.strictEqual(yield* mailsTo("stop"), 0)
        })
      )
    )

    it.effect("reads its configuration from the environment", () =>
      provided(
        Effect.gen(function* () {
          const { smtpPort } = yield* Server
          const environment = ConfigProvider.fromUnknown({
            SMTP_HOST: "127.0.0.1",
            SMTP_PORT: String(smtpPort),
            SMTP_ENCRYPTION: "none",
            SMTP_FROM: "shop@fibric.example"
          })
          const sent = yield* Effect.flatMap(Smtp.Smtp, (smtp) =>
            smtp.send(mailTo("config"), callFor("config"))
          ).pipe(Effect.provide(Smtp.layerConfig().pipe(Layer.provide(ConfigProvider.layer(environment)))))
          assert.strictEqual(sent.response, "250 taken")
          const broken = yield* Effect.exit(Layer.build(Smtp.layer(options(smtpPort, { from: "nobody" }))))
          assert.isTrue(Exit.isFailure(broken))
        })
      )
    )
  })
})
