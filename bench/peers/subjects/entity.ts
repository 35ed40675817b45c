/**
 * effect/cluster as a subject: an entity whose messages are persisted. The key is the message's primary
 * key, so a repeat meets the stored message and its reply; an entity takes one message at a time.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Logger, ManagedRuntime, Schema } from "effect"
import { ClusterSchema, Entity } from "effect/cluster"
import { Rpc } from "effect/rpc"
import { serve } from "../subject/serve.ts"
import * as Runner from "./runner.ts"

const Perform = Rpc.make("perform", {
  payload: { key: Schema.String, series: Schema.String },
  primaryKey: ({ key }) => key
}).annotate(ClusterSchema.Persisted, true)

const Thing = Entity.make("thing", [Perform])

serve({
  start: async ({ url }, _mode, effect) => {
    const handlers = Thing.toLayer(
      Effect.map(Entity.CurrentAddress, ({ entityId }) =>
        Thing.of({
          perform: ({ payload }) => Effect.promise(() => effect({ ...payload, entity: entityId }))
        })
      )
    )
    const runtime = ManagedRuntime.make(
      handlers.pipe(Layer.provideMerge(Runner.layer(url)), Layer.provide(Logger.layer([])))
    )
    const clientOf = await runtime.runPromise(Thing.client)
    const ask = ({ entity, key, series }: { entity: string; key: string; series: string }) =>
      runtime.runPromise(clientOf(entity).perform({ key, series }))
    return {
      ask,
      receipts: (series) =>
        runtime.runPromise(
          Effect.gen(function* () {
            const sql = yield* PgClient.PgClient
            const [row] = yield* sql<{ replies: number }>`
              SELECT count(*)::int AS replies
              FROM cluster_replies r JOIN cluster_messages m ON m.request_id = r.request_id
              WHERE r.kind = 0 AND starts_with(m.entity_id, ${`${series}-`})`
            return row?.replies ?? 0
          })
        ),
      // The stored message is delivered again by itself; asking again joins it, and hears its reply.
      afterwards: async (request) => {
        await ask(request)
        return "replied: success"
      },
      stop: () => runtime.dispose()
    }
  }
})
