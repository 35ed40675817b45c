/**
 * Part 1: a retry loop, as anybody writes it. Each line of it is reasonable.
 */
import { Effect } from "effect"
import { createTransport } from "nodemailer"
import * as Draw from "../draw.ts"
import { wording } from "../parts/asking.ts"
import { conditions, Scene } from "../parts/Scene.ts"
import { part } from "./Part.ts"

const customer = "ada@customer.example"
const { asksEach, loops, patienceMillis } = conditions
const mailbox = { label: "done", of: loops * asksEach, tone: "flood" } as const

export const naive = Effect.gen(function* () {
  const { mailsSoFarTo, mailsTo, network } = yield* Scene
  const draw = yield* Draw.Draw
  yield* Draw.heading("1 · A retry loop")
  yield* Draw.paragraph(`${loops} loops at once, ${asksEach} asks each, straight to the mail server.`)
  yield* draw.line()

  const filling = Effect.gen(function* () {
    const { length } = yield* mailsSoFarTo(customer)
    return yield* Draw.barLine({ ...mailbox, value: length, words: "e-mails" })
  }).pipe(Effect.provideService(Draw.Draw, draw))
  const requests = yield* flood(network.port).pipe(draw.meanwhile(filling))

  const mails = (yield* mailsTo(customer)).length
  yield* Draw.bars(
    { label: "asked", value: requests, of: requests, words: "requests", tone: "plain" },
    { ...mailbox, value: mails, words: "e-mails" }
  )
  yield* draw.line()
  yield* Draw.paragraph(`One customer, one order, ${mails} e-mails. Counted at the mail server.`)
  return part(
    { requests, mails },
    [`the retry loops asked ${loops * asksEach} times`, requests === loops * asksEach],
    ["they flooded the mailbox", mails > 1]
  )
})

/** Runs the loops to their end, and waits for what they have set off. Answers how often they asked. */
const flood = Effect.fnUntraced(function* (port: number) {
  const transport = createTransport({ host: "127.0.0.1", port, ignoreTLS: true })
  const sends: Array<Promise<unknown>> = []
  const send = (): Promise<unknown> => {
    const text = wording(sends.length)
    const mail = { from: "hello@shop.example", to: customer, subject: "Your order: shipped", text }
    const sent = transport.sendMail(mail)
    sends.push(sent)
    return sent
  }
  // No acknowledgement in time, so it must have failed: again. That is all there is to it.
  const untilAcknowledged = Effect.tryPromise(send).pipe(
    Effect.timeout(patienceMillis),
    Effect.retry({ times: asksEach - 1 }),
    Effect.option
  )
  yield* Effect.replicateEffect(untilAcknowledged, loops, { concurrency: "unbounded", discard: true })
  yield* Effect.promise(() => Promise.allSettled(sends))
  return sends.length
})
