/**
 * Part 4: the process dies between the mail and its acknowledgement. What it left is found, called in
 * doubt, and settled by a person.
 */
import { Duration, Effect, Schedule, Schema } from "effect"
import { type Action, execute, Operator, Verdicts } from "fibric"
import * as Draw from "../draw.ts"
import { ask } from "../parts/asking.ts"
import { kernel } from "../parts/shop.ts"
import { Notify, Order } from "../parts/messaging.ts"
import { drawSettling, totalsOf } from "../parts/receipts.ts"
import { acknowledgements, Scene } from "../parts/Scene.ts"
import { part } from "./Part.ts"

const customer = "edsger@customer.example"
const leaseMillis = 2_000
const patientMillis = 15_000

/** The part could not be played: something else happened than the story needs. */
class OffScript extends Schema.TaggedError<OffScript>()("OffScript", { sentence: Schema.String }) {
  override get message() {
    return this.sentence
  }
}

export const crash = Effect.gen(function* () {
  const { mailsTo, network, order } = yield* Scene
  const { line } = yield* Draw.Draw
  yield* Draw.heading("4 · The process dies in the middle")
  yield* network.setRule(acknowledgements.late("1 minute"))

  const action = Notify.propose(Order.at(order("4473")), {
    event: "shipped",
    to: customer,
    text: "It has left."
  })
  yield* killWorkerAfterTheMail(action.entity.id)
  const settled = yield* settle(action).pipe(Effect.provide(kernel({ smtpPort: network.port, leaseMillis })))

  const mails = yield* mailsTo(customer)
  const key = action.key.label
  const { inDoubt, resolved } = yield* totalsOf(key)
  yield* line()
  const [receipt] = yield* drawSettling(key, mails[0]?.messageId ?? "none")
  return part(
    { mails: mails.length, inDoubt, resolved },
    ["one e-mail is at the mail server", mails.length === 1],
    ["it was called in doubt once", inDoubt === 1],
    [
      "it was settled once, and the next request was handed that receipt",
      resolved === 1 && settled === receipt
    ]
  )
})

/** Lets the worker ask, and kills it when the mail is there and the acknowledgement is not. */
const killWorkerAfterTheMail = Effect.fnUntraced(function* (orderId: string) {
  const { mailsSoFarTo, network, worker } = yield* Scene
  const answered = worker.carryOut({
    smtpPort: network.port,
    leaseMillis,
    order: orderId,
    to: customer,
    loops: 1,
    patienceMillis: patientMillis,
    rounds: [{ afterMillis: 0, times: 1 }]
  })
  const mailArrived = Effect.repeat(mailsSoFarTo(customer), {
    until: (mails) => mails.length > 0,
    schedule: Schedule.spaced("20 millis")
  })
  const tooSoon = new OffScript({ sentence: "The worker had its answer before it could be killed." })
  yield* Effect.raceFirst(mailArrived, Effect.andThen(answered, tooSoon))
  yield* Draw.step("A worker process asks. The mail is at the server, its acknowledgement on the way.")
  yield* worker.kill
  yield* Draw.step("The worker is killed (SIGKILL). The ledger has its mark: performing.")
})

/** Asks again, lets a person decide, and asks once more. Answers the receipt that is handed out then. */
const settle = Effect.fnUntraced(function* (action: Action.Action<typeof Notify>) {
  const { mailsTo } = yield* Scene
  const verdicts = yield* Verdicts
  const [waited, doubt] = yield* Effect.timed(ask(execute(action), patientMillis))
  if (doubt._tag !== "InDoubt") {
    return yield* new OffScript({ sentence: `After the crash the answer is ${doubt._tag}, not InDoubt.` })
  }
  const seconds = (Duration.toMillis(waited) / 1_000).toFixed(1)
  yield* Draw.step(`This process asks for the same. In doubt, ${seconds} s later: nothing is sent again.`)
  if ((yield* mailsTo(customer)).length === 0) {
    return yield* new OffScript({ sentence: "The mail that was there is gone from the mail server." })
  }
  const verdict = { attempt: doubt.attempt, reason: "It is in the customer's mailbox." }
  yield* Operator.as("dana")(verdicts.itHappened(action, verdict))
  yield* Draw.step("Dana looks into the mailbox, and says by name: it happened.")
  const answer = yield* ask(execute(action), patientMillis)
  yield* Draw.step("Asked again: answered with her receipt.")
  return answer._tag === "Receipt" ? answer.id : undefined
})
