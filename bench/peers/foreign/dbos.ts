/**
 * DBOS as a subject: a workflow of one step, whose workflow id is the key, so that a repeat meets the stored
 * workflow and its result. A hot entity is a partition of a queue that runs one workflow at a time in each.
 */
import { DBOS } from "@dbos-inc/dbos-sdk"
import { serve } from "../subject/serve.ts"
import type { Effect, Request } from "../subject/Subject.ts"
import * as Counting from "./pool.ts"

const queueName = "hot"

/**
 * How often a result that another run makes is looked for. More often takes the pool from the queue: in C,
 * 256 callers look.
 */
const resultMillis = { apart: 20, hot: 200, crash: 20 } as const

/** How often a queue is looked at, after the look before. */
const queueMillis = 2

/** What is registered has to be registered before the launch, and can't be told later: it looks here. */
let effectNow: Effect = () => Promise.resolve()

const perform = DBOS.registerWorkflow(
  async (request: Request) => {
    await DBOS.runStep(() => effectNow(request), { name: "effect" })
  },
  { name: "perform" }
)

const quiet = { info: () => undefined, debug: () => undefined, warn: console.error, error: console.error }

serve({
  start: async ({ url }, mode, effect) => {
    effectNow = effect
    DBOS.setConfig({
      name: "peers",
      systemDatabaseUrl: url,
      systemDatabasePoolSize: 16,
      // The process that recovers is the next one of the same name and version.
      executorID: "worker",
      applicationVersion: "1",
      logger: quiet
    })
    await DBOS.launch()
    if (mode === "hot") {
      await DBOS.registerQueue(queueName, { partitionConcurrency: 1, minPollingIntervalMs: queueMillis })
    }
    const counting = Counting.open(url, 1)
    return {
      ask: async (request) => {
        const handle = await DBOS.startWorkflow(perform, {
          workflowID: request.key,
          ...(mode === "hot" ? { queueName, enqueueOptions: { queuePartitionKey: request.entity } } : {})
        })(request)
        await handle.getResult({ pollingIntervalMs: resultMillis[mode] })
      },
      receipts: (series) =>
        Counting.count(
          counting,
          "SELECT count(*)::int AS count FROM dbos.workflow_status WHERE status = 'SUCCESS' AND starts_with(workflow_uuid, $1)",
          [`${series}-`]
        ),
      // What was pending is run again at the launch, by itself.
      afterwards: async ({ key }) => {
        await DBOS.retrieveWorkflow(key).getResult({ pollingIntervalMs: resultMillis[mode] })
        return (await DBOS.getWorkflowStatus(key))?.status ?? "unknown"
      },
      stop: async () => {
        await DBOS.shutdown()
        await counting.end()
      }
    }
  }
})
