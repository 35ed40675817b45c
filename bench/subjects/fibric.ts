/**
 * fibric, as a user has it: `fibric/postgres` over a `PgClient`, and a capability whose connector only
 * counts. The receipts are logged events too, which a program without a logger does not print.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Logger, ManagedRuntime, Redacted, Schema } from "effect"
import { Capability, Connector, Entity, execute, Operator, Recovery, Settings } from "fibric"
import { layer as layerPostgres } from "fibric/postgres"
import type { Wish } from "../Load.ts"
import type { Meter, Open } from "./Subject.ts"

const Thing = Entity.make("thing")

const Touch = Capability.make("touch", {
  entity: Thing,
  payload: { occasion: Schema.String, amount: Schema.Int },
  success: Schema.Void,
  occasion: ({ occasion }) => occasion,
  recovery: Recovery.hold,
  deadline: "20 seconds"
})

const actionOf = ({ entity, occasion }: Wish) => Touch.propose(Thing.at(entity), { occasion, amount: 4_200 })

/** So many fibers beside each other, each with one request after the other, until all is asked. */
const runAll = (wishes: ReadonlyArray<Wish>, inFlight: number, meter: Meter) => {
  let next = 0
  const loop = Effect.gen(function* () {
    for (let request = next++; request < wishes.length; request = next++) {
      const wish = wishes[request]
      if (wish === undefined) return
      meter.begun(request)
      const { receipt } = yield* execute(actionOf(wish))
      meter.answered(request, receipt.id)
    }
  })
  const loops = Array.from({ length: Math.min(inFlight, wishes.length) }, () => loop)
  return Effect.all(loops, { concurrency: "unbounded", discard: true }).pipe(Operator.as("bench"))
}

/** fibric with some of its bounds changed. */
export const openWith =
  (changes: Parameters<typeof Settings.layer>[0]): Open =>
  async (url) => {
    let effects = 0
    const connector = Connector.make("counter", Touch).toLayer({
      touch: () =>
        Effect.sync(() => {
          effects += 1
        })
    })
    const runtime = ManagedRuntime.make(
      connector.pipe(
        Layer.provideMerge(layerPostgres),
        Layer.provide([
          PgClient.layer({ url: Redacted.make(url) }),
          Settings.layer(changes),
          Logger.layer([])
        ])
      )
    )
    await runtime.runPromise(Effect.void)
    return {
      run: (wishes, inFlight, meter) => runtime.runPromise(runAll(wishes, inFlight, meter)),
      effects: () => effects,
      close: () => runtime.dispose()
    }
  }

export const open: Open = openWith({})
