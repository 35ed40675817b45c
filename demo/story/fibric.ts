/**
 * Part 2: the same loops, the same network, the same impatience; what they ask goes through fibric.
 */
import { Effect } from "effect"
import * as Draw from "../draw.ts"
import { type Answer, carryOut, type Job } from "../parts/asking.ts"
import { Notify, Order } from "../parts/messaging.ts"
import { drawSettling, totalsOf } from "../parts/receipts.ts"
import { conditions, Scene } from "../parts/Scene.ts"
import { part } from "./Part.ts"

const customer = "grace@customer.example"
const { asksEach, lateMillis, loops, patienceMillis } = conditions

/** Half of the loops ask in this process, half in the worker; nine times each, as before. */
const here = Math.ceil(loops / 2)
const inRound = asksEach / 3

export const fibric = Effect.gen(function* () {
  const { mailsTo, order } = yield* Scene
  const { line } = yield* Draw.Draw
  yield* Draw.heading("2 · The same through fibric")
  yield* Draw.paragraph("The same loops on the same network, in two processes that share a Postgres.")
  yield* line()

  const action = Notify.propose(Order.at(order("4471")), { event: "shipped", to: customer, text: "" })
  const answers = yield* flood(action.entity.id)

  const key = action.key.label
  const mails = yield* mailsTo(customer)
  const totals = yield* totalsOf(key)
  yield* line()
  yield* drawCounts(answers.length, mails.length, totals)
  yield* line()
  const settled = yield* drawSettling(key, mails[0]?.messageId ?? "none")
  yield* line()
  const handed = answers.flatMap((answer) => (answer._tag === "Receipt" ? [answer.id] : []))
  yield* Draw.paragraph(
    `${answers.length - handed.length} requests ran out of patience first. The other ${handed.length} were handed this receipt.`
  )
  const { all: receipts, performed, repeats } = totals
  return part(
    { requests: answers.length, mails: mails.length, performed, repeats, receipts },
    [`${loops * asksEach} requests were made`, answers.length === loops * asksEach],
    ["one e-mail is at the mail server", mails.length === 1],
    [
      "one request was performed and all others are repeats",
      performed === 1 && repeats === answers.length - 1
    ],
    ["there is a receipt for every request", receipts === answers.length],
    [
      "everybody who waited was handed the one receipt",
      handed.length > 0 && handed.every((id) => id === settled[0])
    ]
  )
})

/** Asks from both processes: at once, later, and after a restart. */
const flood = Effect.fnUntraced(function* (orderId: string) {
  const { network, worker } = yield* Scene
  const draw = yield* Draw.Draw
  const inBoth = Effect.fnUntraced(function* (rounds: Job["rounds"], ...steps: ReadonlyArray<string>) {
    const job = { smtpPort: network.port, order: orderId, to: customer, patienceMillis, rounds }
    const tell = (round: number) =>
      Effect.provideService(Draw.step(`${inRound * loops} requests ${steps[round]}`), Draw.Draw, draw)
    const mine = carryOut({ ...job, loops: here }, tell)
    const theirs = worker.carryOut({ ...job, loops: loops - here })
    return (yield* Effect.all([mine, theirs], { concurrency: "unbounded" })).flat()
  })
  const before = yield* inBoth(
    [
      { afterMillis: 0, times: inRound },
      { afterMillis: lateMillis, times: inRound }
    ],
    "at once, while the mail is on its way",
    "when its acknowledgement has come"
  )
  // The kernels of both processes are closed by now; what follows starts new ones.
  const after = yield* inBoth([{ afterMillis: 0, times: inRound }], "after both have restarted fibric")
  return [...before, ...after] satisfies ReadonlyArray<Answer>
})

const drawCounts = Effect.fnUntraced(function* (
  asked: number,
  mails: number,
  { all, deduplicated, joined, performed }: Effect.Success<ReturnType<typeof totalsOf>>
) {
  const { line } = yield* Draw.Draw
  yield* Draw.bars(
    { label: "asked", value: asked, of: asked, words: "requests", tone: "plain" },
    { label: "done", value: mails, of: asked, words: mails === 1 ? "e-mail" : "e-mails", tone: "calm" }
  )
  yield* line()
  yield* Draw.table([
    ["performed", String(performed), "sent, and the mail server has confirmed it"],
    ["joined", String(joined), "asked while it was under way: nothing done"],
    ["deduplicated", String(deduplicated), "asked again afterwards: nothing done"],
    ["receipts", String(all), "one for every request, in the view fibric.receipts"]
  ])
})
