/**
 * frame: what is said before the first part and after the last.
 */
import { Effect } from "effect"
import * as Draw from "../draw.ts"
import { Notify, Order } from "../parts/messaging.ts"
import { totalsSql } from "../parts/receipts.ts"
import { conditions, Scene } from "../parts/Scene.ts"

const seconds = (millis: number): string => `${millis / 1_000} s`

/** What is meant, and what is wrong with the world. */
export const opening = Effect.gen(function* () {
  const { asksEach, lateMillis, loops, patienceMillis } = conditions
  const { line, paint } = yield* Draw.Draw
  yield* line()
  yield* line(`  ${paint("strong", `One e-mail is meant. It is asked for ${loops * asksEach} times.`)}`)
  yield* line()
  yield* Draw.paragraph(
    `Order 4471 has left, and an agent tells the customer. The mail server takes the mail at once, but its acknowledgement arrives ${seconds(lateMillis)} late. The agent waits ${seconds(patienceMillis)}, reads the silence as failure, and asks again.`
  )
  yield* line()
  yield* Draw.step("Starting a mail server, a slow network, a Postgres and a second process, all real.")
})

/** Where the proof is. */
export const closing = Effect.gen(function* () {
  const { ledgerStays, order } = yield* Scene
  const { line } = yield* Draw.Draw
  const sql = totalsSql(
    Notify.propose(Order.at(order("4471")), { event: "shipped", to: "", text: "" }).key.label
  )
  yield* Draw.heading("The proof")
  yield* Draw.paragraph(
    "E-mails were counted at the mail server, requests in the ledger. The second count is SQL:"
  )
  yield* line()
  for (const part of sql) yield* line(`  ${part}`)
  yield* line()
  yield* Draw.paragraph(
    ledgerStays
      ? 'Run it with psql "$DATABASE_URL": the receipts stay where they are.'
      : "This ledger was in a Postgres of the demo's own, which is gone now. To keep one and look into it, run the demo with DATABASE_URL.",
    "quiet"
  )
  yield* line()
})
