/**
 * pg-boss as a subject: a job for each request, whose id is made from the key, so that a repeat of a job
 * that is still stored is refused by the primary key and reads the job instead. A hot entity is a queue with
 * the policy `singleton`, which lets one job of a singleton key be active.
 *
 * The worker is a loop of `fetch` and `complete`, as the manual offers it, because `work` looks for jobs
 * every half second at best. The loop is woken by whoever sends a job from this process.
 */
import { createHash } from "node:crypto"
import { PgBoss } from "pg-boss"
import { serve } from "../subject/serve.ts"
import type { Request } from "../subject/Subject.ts"
import * as Counting from "./pool.ts"

const queue = "perform"

/** How many jobs are fetched, and completed, in one statement. */
const batch = { apart: 256, hot: 1, crash: 1 } as const

/** How long the loop sleeps where it found nothing and nobody wakes it. */
const idleMillis = 20

/** A UUID for a key, the same for the same key: version 8, whose bits are the application's own. */
const idOf = (key: string): string => {
  const hex = createHash("sha256").update(key).digest("hex")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** What a job's row says when the job is settled. */
const settled: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"])

serve({
  start: async ({ url }, mode, effect) => {
    const boss = new PgBoss({
      connectionString: url,
      max: 16,
      schedule: false,
      // Who looks for the jobs of the dead; only a crash trial has any.
      supervise: mode === "crash",
      ...(mode === "crash" ? { superviseIntervalSeconds: 1, monitorIntervalSeconds: 1 } : {})
    })
    boss.on("error", (error) => console.error(error))
    await boss.start()
    const name = `${queue}-${mode}`
    await boss.createQueue(name, {
      policy: mode === "hot" ? "singleton" : "standard",
      retryLimit: 2,
      expireInSeconds: mode === "crash" ? 2 : 900
    })
    const counting = Counting.open(url, 1)
    const waiting = new Map<string, Array<() => void>>()
    const stopping = new AbortController()
    let wake = () => undefined as void
    const work = async () => {
      while (!stopping.signal.aborted) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve
        })
        const jobs = await boss.fetch<Request>(name, { batchSize: batch[mode] })
        if (jobs.length === 0) {
          const timer = setTimeout(() => wake(), idleMillis)
          await woken
          clearTimeout(timer)
          continue
        }
        await Promise.all(jobs.map(({ data }) => effect(data)))
        await boss.complete(
          name,
          jobs.map(({ id }) => id)
        )
        for (const { id } of jobs) {
          for (const resolve of waiting.get(id) ?? []) resolve()
          waiting.delete(id)
        }
      }
    }
    const working = work()
    const stateOf = async (id: string) => (await boss.getJobById(name, id))?.state ?? "unknown"
    const ask = async (request: Request) => {
      const id = idOf(request.key)
      const ended = new Promise<void>((resolve) => waiting.set(id, [...(waiting.get(id) ?? []), resolve]))
      const sent = await boss.send(name, request, {
        id,
        ...(mode === "hot" ? { singletonKey: request.entity } : {})
      })
      if (sent === null && settled.has(await stateOf(id))) return
      wake()
      await ended
    }
    return {
      ask,
      receipts: (series) =>
        Counting.count(
          counting,
          "SELECT count(*)::int AS count FROM pgboss.job WHERE state = 'completed' AND data ->> 'series' = $1",
          [series]
        ),
      afterwards: async ({ key }) => {
        while (!settled.has(await stateOf(idOf(key)))) {
          await new Promise((resolve) => setTimeout(resolve, 100))
        }
        return stateOf(idOf(key))
      },
      stop: async () => {
        stopping.abort()
        wake()
        await working
        await boss.stop({ graceful: false })
        await counting.end()
      }
    }
  }
})
