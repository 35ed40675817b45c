/**
 * Smtp under the executor: what a lost acknowledgement, a broken wire and a refusal become for whoever
 * asks, and how many mails there are then.
 */
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { Capability, Connector, Entity, execute, Fibric, Recovery } from "fibric"
import * as Smtp from "../../connectors/smtp/index.ts"
import { cutWhen, make as makeProxy } from "../../src/testing/TcpProxy.ts"
import { mailsTo, options, Server } from "./support.ts"
import { fault } from "../support/fault.ts"

const Order = Entity.make("order")
const notify = Capability.make("notify", {
  entity: Order,
  payload: { to: Smtp.EmailAddress, text: Schema.String },
  success: Smtp.Sent,
  error: Smtp.SmtpRefused,
  occasion: () => "shipped",
  recovery: Recovery.hold,
  deadline: "20 seconds"
})
const Messaging = Connector.make("messaging", notify).toLayer(
  Effect.map(Smtp.Smtp, (smtp) => ({
    notify: ({ text, to }: typeof notify.payload.Type, call: Parameters<typeof smtp.send>[1]) =>
      smtp.send({ to, subject: "Your order has left", text }, call)
  }))
)
const fibricOver = (config: Smtp.Options) =>
  Messaging.pipe(Layer.provideMerge(Fibric.layerMemory), Layer.provide(Smtp.layer(config)))

describe("a mail through the executor", () => {
  layer(Server.layer, { excludeTestServices: true })((it) => {
    it.effect("answers 657 requests with one mail and one receipt", () =>
      Effect.gen(function* () {
        const { smtpPort } = yield* Server
        const answers = yield* Effect.all(
          Array.from({ length: 657 }, () =>
            execute(notify.propose(Order.at("4471"), { to: "flood@example.com", text: "It has left." }))
          ),
          { concurrency: "unbounded" }
        ).pipe(Effect.provide(fibricOver(options(smtpPort))))
        assert.strictEqual(new Set(answers.map(({ receipt }) => receipt.id)).size, 1)
        assert.strictEqual(yield* mailsTo("flood"), 1)
      })
    )

    it.effect("is in doubt, and sends no second mail, when the acknowledgement is lost", () =>
      Effect.gen(function* () {
        const { smtpPort } = yield* Server
        const proxy = yield* makeProxy(smtpPort)
        yield* proxy.setRule(cutWhen("server", /^250[^\n]*taken/m, "before", "reset"))
        const action = notify.propose(Order.at("4471"), { to: "doubt@example.com", text: "It has left." })
        const tags = yield* Effect.replicateEffect(
          Effect.map(Effect.flip(execute(action)), ({ _tag }) => _tag),
          3
        ).pipe(Effect.provide(fibricOver(options(proxy.port))))
        assert.deepStrictEqual(tags, ["InDoubt", "InDoubt", "InDoubt"])
        assert.strictEqual(yield* mailsTo("doubt"), 1)
        assert.strictEqual(yield* proxy.connections, 1)
      })
    )

    it.effect("frees the key when the wire broke before the mail left, and the next ask sends it", () =>
      Effect.gen(function* () {
        const { smtpPort } = yield* Server
        const proxy = yield* makeProxy(smtpPort)
        const broken = cutWhen("server", /^354/m, "before", "reset")
        yield* proxy.setRule((connection) => (connection === 1 ? broken : { _tag: "Pass" }))
        const action = notify.propose(Order.at("4471"), { to: "again@example.com", text: "It has left." })
        const tags = yield* Effect.gen(function* () {
          const first = yield* Effect.flip(execute(action))
          const second = yield* execute(action)
          return [first._tag, second.receipt.outcome]
        }).pipe(Effect.provide(fibricOver(options(proxy.port))))
        assert.deepStrictEqual(tags, ["NotPerformed", "performed"])
        assert.strictEqual(yield* mailsTo("again"), 1)
      })
    )

    it.effect(`${fault("refused, then repeated")} replays the server's refusal without asking it again`, () =>
      Effect.gen(function* () {
        const server = yield* Server
        const proxy = yield* makeProxy(server.smtpPort)
        yield* server.behave({ stage: "rcpt", action: "answer", code: 550, text: "no such person" })
        const action = Smtp.sendEmail.propose(Smtp.Recipient.at("ada"), {
          purpose: "welcome",
          to: "refused@example.com",
          subject: "Welcome",
          text: "Hello."
        })
        const refusals = yield* Effect.replicateEffect(Effect.flip(execute(action)), 2).pipe(
          Effect.provide(
            Smtp.layerEmail.pipe(
              Layer.provideMerge(Fibric.layerMemory),
              Layer.provide(Smtp.layer(options(proxy.port)))
            )
          )
        )
        assert.deepStrictEqual(
          refusals.map((refusal) => [refusal._tag, refusal.message]),
          Array.from({ length: 2 }, () => [
            "SmtpRefused",
            "The mail server refused the message (550): no such person"
          ])
        )
        assert.strictEqual(yield* proxy.connections, 1)
      })
    )
  })
})
