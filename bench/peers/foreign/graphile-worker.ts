/**
 * graphile-worker as a subject: a job for each request, with the key as its `jobKey`, and for a hot entity a
 * named queue, which runs one job at a time. A job is deleted when it is done: what it leaves is nothing,
 * and a repeat that comes after it is a new job.
 *
 * It tells nobody when the end of a job is durable (`job:complete` comes when that has been asked for), so
 * the deletion's own statement is watched on its way to Postgres.
 */
import { type Job, Logger, makeWorkerUtils, run } from "graphile-worker"
import { Client, Pool, type QueryConfig } from "pg"
import { serve } from "../subject/serve.ts"
import type { Mode, Request } from "../subject/Subject.ts"
import * as Counting from "./pool.ts"

/** Which jobs have ended, by id, and whoever waits for one. Several requests can share a job. */
class Ends {
  readonly #waiting = new Map<string, Array<() => void>>()
  readonly #ended = new Set<string>()

  of(id: string): Promise<void> {
    if (this.#ended.has(id)) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), resolve])
    })
  }

  come(id: string): void {
    this.#ended.add(id)
    for (const resolve of this.#waiting.get(id) ?? []) resolve()
    this.#waiting.delete(id)
  }
}

/** A client that reports the jobs whose deletion has been confirmed by Postgres. */
const watching = (ends: Ends) =>
  class extends Client {
    // Its many overloads come down to this for what graphile-worker calls.
    override query(...args: ReadonlyArray<unknown>): never {
      const sent = (super.query as (...args: ReadonlyArray<unknown>) => unknown).apply(this, [...args])
      const { name, values } = (args[0] ?? {}) as QueryConfig
      if (sent instanceof Promise && name?.startsWith("complete_job") === true) {
        const ids = [values?.[0]].flat().map(String)
        sent.then(() => ids.forEach((id) => ends.come(id))).catch(() => undefined)
      }
      return sent as never
    }
  }

/** What was found by trying; see the README. */
const settings = (mode: Mode) =>
  mode === "apart"
    ? {
        concurrentJobs: 24,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
        pollInterval: 20
      }
    : { concurrentJobs: 2, pollInterval: 1 }

const silent = new Logger(() => () => undefined)

serve({
  start: async ({ url }, mode, effect) => {
    const ends = new Ends()
    const pool = new Pool({ connectionString: url, max: 26, Client: watching(ends) })
    pool.on("error", () => undefined)
    pool.on("connect", (client) => client.on("error", () => undefined))
    const counting = Counting.open(url, 1)
    const options = { pgPool: pool, logger: silent, noHandleSignals: true }
    const utils = await makeWorkerUtils(options)
    await utils.migrate()
    if (mode === "crash") await unlockDead(counting, utils.forceUnlockWorkers)
    const runner = await run({
      ...options,
      preset: { worker: settings(mode) },
      taskList: { perform: (payload) => effect(payload as Request) }
    })
    const add = (request: Request): Promise<Job> =>
      utils.addJob("perform", request, {
        jobKey: request.key,
        // A repeat joins the job as long as it is there, also while it runs: nothing in it can have changed.
        jobKeyMode: "unsafe_dedupe",
        ...(mode === "hot" ? { queueName: request.entity } : {})
      })
    return {
      ask: async (request) => ends.of((await add(request)).id),
      receipts: () => Counting.count(counting, "SELECT count(*)::int AS count FROM graphile_worker.jobs", []),
      afterwards: async () => {
        while (
          (await Counting.count(counting, "SELECT count(*)::int AS count FROM graphile_worker.jobs", [])) > 0
        ) {
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
        return "the job is gone"
      },
      stop: async () => {
        await runner.stop()
        await utils.release()
        await Promise.all([pool.end(), counting.end()])
      }
    }
  }
})

/**
 * What its manual tells the operator to do with the jobs of a worker that is known to be dead. Left alone
 * they are run again by themselves, four hours after they were locked.
 */
async function unlockDead(pool: Pool, forceUnlockWorkers: (ids: Array<string>) => Promise<void>) {
  const { rows } = await pool.query<{ locked_by: string }>(
    "SELECT DISTINCT locked_by FROM graphile_worker.jobs WHERE locked_by IS NOT NULL"
  )
  await forceUnlockWorkers(rows.map(({ locked_by }) => locked_by))
}
