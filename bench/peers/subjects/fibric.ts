/**
 * fibric as a subject: one capability with recovery `hold`, over the Postgres of the run, with the settings
 * that it has when nothing is set. In a crash trial a worker is given up on soon, so that the trial is short.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Logger, ManagedRuntime, Redacted, Schedule, Schema } from "effect"
// By path: this folder is a package of its own, in which the names that a user imports mean nothing.
import { layerClient } from "../../../src/host/embedded.ts"
import { layer as layerPostgres } from "../../../src/host/postgres.ts"
import { Capability, Connector, Entity, execute, Operator, Recovery, Settings } from "../../../src/index.ts"
import { serve } from "../subject/serve.ts"
import type { Request } from "../subject/Subject.ts"

const Thing = Entity.make("thing")

const Perform = Capability.make("perform", {
  entity: Thing,
  payload: { series: Schema.String, key: Schema.String },
  success: Schema.Void,
  occasion: ({ key }) => key,
  recovery: Recovery.hold,
  deadline: "1 minute"
})

/** How the deaths of workers are noticed in a crash trial. */
const impatient = Settings.layer({
  leaseMillis: 1_500,
  beatMillis: 300,
  reapMillis: 500,
  doubtMarginMillis: 1_000
})

/** What an answer is called: the receipt's outcome, or the error's tag. */
const heard = ({ key, series, entity }: Request) =>
  execute(Perform.propose(Thing.at(entity), { series, key }), { patience: "1 second" }).pipe(
    Operator.as(series),
    Effect.match({ onSuccess: ({ receipt }) => receipt.outcome, onFailure: ({ _tag }) => _tag })
  )

/** Asks until nothing more is to be expected: it is settled, or in doubt. */
const asked = (request: Request) =>
  Effect.repeat(heard(request), {
    while: (answer) => answer === "InProgress",
    schedule: Schedule.spaced("100 millis")
  })

serve({
  start: async ({ url }, mode, effect) => {
    const connector = Connector.make("world", Perform).toLayer({
      perform: ({ key, series }, { entity }) =>
        Effect.promise(() => effect({ key, series, entity: entity.id }))
    })
    const runtime = ManagedRuntime.make(
      connector.pipe(
        Layer.provideMerge(layerPostgres),
        Layer.provideMerge(layerClient(Redacted.make(url))),
        // Receipts are log events too; nobody's log is measured here.
        Layer.provide(Logger.layer([])),
        Layer.provide(mode === "crash" ? impatient : Layer.empty)
      )
    )
    await runtime.context()
    const rows = <Row extends object>(
      query: (sql: PgClient.PgClient) => Effect.Effect<ReadonlyArray<Row>, unknown>
    ) => runtime.runPromise(Effect.flatMap(PgClient.PgClient, query))
    return {
      ask: ({ key, series, entity }) =>
        runtime.runPromise(Operator.as(series)(execute(Perform.propose(Thing.at(entity), { series, key })))),
      receipts: async (series) => {
        const [row] = await rows(
          (sql) => sql<{ receipts: number }>`
            SELECT coalesce(sum(count), 0)::int AS receipts FROM fibric.receipts WHERE operator = ${series}`
        )
        return row?.receipts ?? 0
      },
      afterwards: async (request) => {
        const answer = await runtime.runPromise(asked(request))
        const [row] = await rows(
          (sql) => sql<{ outcome: string }>`
            SELECT outcome FROM fibric.receipts WHERE entity_id = ${request.entity} AND outcome <> 'joined' ORDER BY at DESC LIMIT 1`
        )
        return `${answer}; receipt: ${row?.outcome ?? "none"}`
      },
      stop: () => runtime.dispose()
    }
  }
})
