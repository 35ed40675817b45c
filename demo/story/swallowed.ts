/**
 * Part 3: the acknowledgement never comes. Nobody can know whether the mail was taken, so nothing is sent
 * again, and everybody is told so.
 */
import { Effect } from "effect"
import { execute } from "fibric"
import * as Draw from "../draw.ts"
import { type Answer, ask, inLoops, wording } from "../parts/asking.ts"
import { kernel } from "../parts/shop.ts"
import { Order, Remind } from "../parts/messaging.ts"
import { totalsOf } from "../parts/receipts.ts"
import { acknowledgements, conditions, Scene } from "../parts/Scene.ts"
import { part } from "./Part.ts"

const customer = "alan@customer.example"
const askers = 12
/** Longer than the capability's deadline: who waits this long hears what became of it. */
const patientMillis = 10_000

export const swallowed = Effect.gen(function* () {
  const { mailsTo, network, order } = yield* Scene
  const { line } = yield* Draw.Draw
  yield* Draw.heading("3 · The acknowledgement never comes")
  yield* Draw.paragraph("A reminder for order 4472. The network swallows what the mail server answers.")
  yield* line()
  yield* network.setRule(acknowledgements.lost)

  const at = Order.at(order("4472"))
  const action = (n: number) => Remind.propose(at, { to: customer, text: wording(n) })
  const asking = (patienceMillis: number) =>
    inLoops(askers, 1, (n) => ask(execute(action(n)), patienceMillis))
  const { later, patient, impatient } = yield* Effect.gen(function* () {
    const [impatient, patient] = yield* Effect.all(
      [asking(conditions.patienceMillis), asking(patientMillis)],
      {
        concurrency: "unbounded"
      }
    )
    return { impatient, patient, later: yield* asking(patientMillis) }
  }).pipe(Effect.provide(kernel({ smtpPort: network.port })))

  const requests = impatient.length + patient.length + later.length
  const told = [...patient, ...later]
  const mails = (yield* mailsTo(customer)).length
  const { all, inDoubt, performed } = yield* totalsOf(action(0).key.label)
  yield* Draw.bars(
    { label: "asked", value: requests, of: requests, words: "requests", tone: "plain" },
    { label: "done", value: mails, of: requests, words: mails === 1 ? "e-mail" : "e-mails", tone: "calm" }
  )
  yield* line()
  yield* Draw.paragraph(
    `It may have arrived and it may not: the sender can't know. fibric calls it in doubt, sends nothing again, and says so to everybody who waits for an answer: ${told.length} times.`
  )
  const isDoubt = (answer: Answer): boolean => answer._tag === "InDoubt"
  return part(
    { requests: all, mails, performed, inDoubt },
    ["one e-mail is at the mail server", mails === 1],
    ["the key is in doubt, and not performed", inDoubt === 1 && performed === 0],
    ["there is a receipt for every request", all === requests],
    ["everybody who waited is told that it is in doubt", told.every(isDoubt)]
  )
})
