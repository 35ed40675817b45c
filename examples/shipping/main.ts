/**
 * "Tell the customer when their order ships": the sentence as a program, and what is thrown at it.
 * `npm run example:shipping`, or with `-- --json` for a program to read.
 *
 * `shop.ts` is the application; the rest is the stage. Mails are counted at a real mail server, messages at a
 * fake of Slack, receipts in the view `fibric.receipts`. It ends with 1 if it does not hold what it claims.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, Layer, Logger, Schema, Stdio } from "effect"
import * as Orders from "fibric/connectors/orders"
import * as FibricPostgres from "fibric/postgres"
import * as Scenes from "./scenes.ts"
import * as Shop from "./shop.ts"
import * as Stage from "./Stage.ts"

/** The run did not hold what the story says. */
class Broken extends Schema.TaggedError<Broken>()("Broken", { told: Schema.String }) {
  override get message() {
    return `The story does not hold what it claims: ${this.told}`
  }
}

/** The order system, in a process of its own as far as the shop's processes are concerned. */
const Warehouse = Orders.layer().pipe(
  Layer.provideMerge(FibricPostgres.layer),
  Layer.provideMerge(Shop.layerTables)
)

const story = Effect.fnUntraced(function* (json: boolean) {
  const scenes: Array<Scenes.Scene> = []
  for (const play of Scenes.all) {
    const scene = yield* play
    scenes.push(scene)
    if (json) continue
    const { order: _order, scene: _scene, ...counts } = scene.told
    yield* Console.log(`\n  ${scene.words}\n    ${JSON.stringify(counts)}`)
  }
  const stage = yield* Stage.Stage
  const receipts = yield* stage.receipts
  yield* Console.log(
    json
      ? JSON.stringify({ orders: scenes.map(({ told }) => told), receipts })
      : `\n  ${receipts} receipts, in the view fibric.receipts\n`
  )
  const broken = scenes.find(({ holds }) => !holds)
  if (broken !== undefined) return yield* new Broken({ told: JSON.stringify(broken.told) })
})

const main = Effect.gen(function* () {
  const args = yield* (yield* Stdio.Stdio).args
  yield* story(args.includes("--json")).pipe(Effect.provide(Warehouse.pipe(Layer.provideMerge(Stage.layer))))
})

/** Whatever went wrong, in one sentence. Somebody who interrupts knows why it ended. */
const tell = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const error = Cause.squash(cause)
  return Console.error(`\n  ${error instanceof Error ? error.message : String(error)}`)
}

main.pipe(
  Effect.tapCause(tell),
  // Receipts are log events too; here they are counted instead.
  Effect.provide([NodeServices.layer, Logger.layer([])]),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
