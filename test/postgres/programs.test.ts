/**
 * A program whose process is killed between its steps, and whose code is another one when it runs again.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { ChildProcess } from "effect/process"
import { execute, ReceiptLog, Settings } from "fibric"
import { layer as layerPostgres } from "fibric/postgres"
import { fileURLToPath } from "node:url"
import { eventually } from "../support/asker.ts"
import { layerFreshClient } from "../support/database.ts"
import { createWorld, fulfil, happened, layerShop, type Step, steps } from "./fixtures/shop.ts"

const script = fileURLToPath(new URL("./fixtures/fulfiller.ts", import.meta.url))

/** Runs the program in a process that kills itself after a step. */
const killedAfter = Effect.fnUntraced(function* (step: Step) {
  const { config } = yield* PgClient.PgClient
  const child = yield* ChildProcess.make(process.execPath, ["--conditions=fibric-source", script, step], {
    env: { DATABASE_URL: config.url },
    extendEnv: true,
    stderr: "inherit",
    killSignal: "SIGKILL"
  })
  yield* Effect.exit(child.exitCode)
})

const layerAgain = layerShop("after").pipe(
  Layer.provideMerge(layerPostgres),
  Layer.provideMerge(Layer.effectDiscard(Effect.flatMap(PgClient.PgClient, createWorld))),
  Layer.provideMerge(layerFreshClient),
  Layer.provideMerge(NodeServices.layer),
  Layer.provide(Settings.layer({ leaseMillis: 5_000, beatMillis: 500, reapMillis: 100, drainMillis: 0 }))
)

describe("a program whose process is killed", () => {
  for (const [index, step] of steps.entries()) {
    const where = index === 2 ? "before it is settled itself" : `between ${step} and ${steps[index + 1]}`
    it.live(`${where} comes to three effects in all, when it runs again with other code`, () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* Effect.scoped(killedAfter(step))
        assert.deepStrictEqual(yield* happened(sql), steps.slice(0, index + 1))
        // Until the dead worker's lease has run out it is under way, or in doubt for a moment.
        const receipt = yield* eventually(
          Effect.map(Effect.option(execute(fulfil)), (answer) =>
            Option.isSome(answer) ? answer.value.receipt : undefined
          )
        )
        assert.strictEqual(receipt.outcome, "performed")
        assert.strictEqual(receipt.attempt, 2)
        assert.deepStrictEqual(yield* happened(sql), ["charge", "ship", "thank"])
        const log = yield* ReceiptLog
        const outcomes = (yield* log.byKey(fulfil.key))
          .map(({ outcome }) => outcome)
          .filter((outcome) => outcome !== "joined" && outcome !== "deduplicated")
        assert.deepStrictEqual(outcomes, ["in_doubt", "released", "performed"])
      }).pipe(Effect.provide(layerAgain))
    )
  }
})
