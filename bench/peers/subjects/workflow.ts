/**
 * effect/workflow as a subject: a workflow of one activity, on the cluster's engine. The key is the
 * workflow's idempotency key, so a repeat meets the stored execution and its result.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Logger, ManagedRuntime, Schema } from "effect"
import { ClusterWorkflowEngine } from "effect/cluster"
import { Activity, Workflow } from "effect/workflow"
import { serve } from "../subject/serve.ts"
import type { Request } from "../subject/Subject.ts"
import * as Runner from "./runner.ts"

const Perform = Workflow.make("perform", {
  payload: { key: Schema.String, entity: Schema.String, series: Schema.String },
  idempotencyKey: ({ key }) => key
})

serve({
  start: async ({ url }, _mode, effect) => {
    const handlers = Perform.toLayer((request) =>
      Activity.make({ name: "effect", execute: Effect.promise(() => effect(request)) })
    )
    const runtime = ManagedRuntime.make(
      handlers.pipe(
        Layer.provideMerge(ClusterWorkflowEngine.layer),
        Layer.provideMerge(Runner.layer(url)),
        Layer.provide(Logger.layer([]))
      )
    )
    const ask = (request: Request) => runtime.runPromise(Perform.execute(request))
    await runtime.context()
    return {
      ask,
      receipts: (series) =>
        runtime.runPromise(
          Effect.gen(function* () {
            const sql = yield* PgClient.PgClient
            const [row] = yield* sql<{ replies: number }>`
              SELECT count(*)::int AS replies
              FROM cluster_replies r JOIN cluster_messages m ON m.request_id = r.request_id
              WHERE r.kind = 0 AND m.tag = 'run' AND m.payload::jsonb ->> 'series' = ${series}`
            return row?.replies ?? 0
          })
        ),
      // The stored execution is run again by itself; asking again joins it, and hears its result.
      afterwards: async (request) => {
        await ask(request)
        return "completed: success"
      },
      stop: () => runtime.dispose()
    }
  }
})
