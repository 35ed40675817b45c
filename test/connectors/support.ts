/**
 * What the SMTP tests share: one real mail server, and one send through a proxy that loses things.
 */
import { Context, Duration, Effect, Layer, Result } from "effect"
import type { Call } from "fibric"
import * as Smtp from "../../connectors/smtp/index.ts"
import * as MailServer from "../../demo/parts/MailServer.ts"
import * as TcpProxy from "../../src/testing/TcpProxy.ts"

/** A server for a whole file: its process starts once. */
export class Server extends Context.Service<Server, MailServer.MailServer>()("test/connectors/Server") {
  static readonly layer = Layer.effect(Server, MailServer.make())
}

/** The call that a kernel would make. Each test has a key of its own. */
export const callFor = (key: string, deadlineMillis = 20_000): Call => ({
  key,
  entity: { type: "order", id: "4471" },
  attempt: 1,
  deadlineMillis
})

/** A mail to somebody whom no other test writes to, so that mails can be counted by recipient. */
export const mailTo = (name: string): Smtp.Mail => ({
  to: `${name}@example.com`,
  subject: "Your order has left",
  text: "It is on its way.\n\n.\nA line after a lone dot.\n"
})

/** Short waits where silence is what the test wants; long ones where it must not happen. */
export const options = (port: number, more: Partial<Smtp.Options> = {}): Smtp.Options => ({
  host: "127.0.0.1",
  port,
  encryption: "none",
  from: { name: "The shop", address: "shop@fibric.example" },
  connectTimeout: "10 seconds",
  answerTimeout: "10 seconds",
  ...more
})

/** What a send came to, in one line: `done`, or the error's tag with its proof or code. */
export const outcomeOf = (
  result: Result.Result<Smtp.Sent, { readonly _tag: string; readonly proof?: string; readonly code?: number }>
): string =>
  Result.isSuccess(result)
    ? "done"
    : [result.failure._tag, result.failure.proof ?? result.failure.code]
        .filter((part) => part !== undefined)
        .join(" ")

/** Sends once, on a connector of its own that is closed afterwards, `andThen` included. */
export const sendOnce = (
  config: Smtp.Options,
  mail: Smtp.Mail,
  call: Call,
  andThen: Effect.Effect<void> = Effect.void
) =>
  Effect.gen(function* () {
    const smtp = yield* Smtp.Smtp
    const result = yield* Effect.result(smtp.send(mail, call))
    yield* andThen
    return result
  }).pipe(Effect.provide(Smtp.layer(config)))

/** Sends one mail to `name` through a proxy with the rule, waits until it took effect, says the outcome and counts the mails there. */
export const throughProxy = Effect.fnUntraced(function* (
  name: string,
  rule: TcpProxy.Rule,
  more: Partial<Smtp.Options> = {}
) {
  const server = yield* Server
  const proxy = yield* TcpProxy.make(server.smtpPort)
  yield* proxy.setRule(rule)
  const result = yield* sendOnce(options(proxy.port, more), mailTo(name), callFor(name), proxy.awaitCut)
  return {
    outcome: outcomeOf(result),
    mails: yield* mailsTo(name),
    connections: yield* proxy.connections,
    cuts: yield* proxy.cuts
  }
})

/** How many mails the server has for `name`, once it is done with every conversation. */
export const mailsTo = Effect.fnUntraced(function* (name: string) {
  const server = yield* Server
  const mails = yield* server.mailsWhenIdle
  return mails.filter(({ to }) => to.includes(`${name}@example.com`)).length
})

/** How long a silence lasts in the tests that want one. */
export const silence = Duration.seconds(2)
