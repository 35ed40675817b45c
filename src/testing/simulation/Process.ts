/**
 * Process: one simulated process. All of its fibers feed one queue, which the simulation drains a task
 * at a time: a killed process is a queue that is thrown away, a stopped one a queue that is not drained.
 *
 * Nothing reaches it but through its queue, so whoever wakes one of its fibers from outside never runs it.
 */
import { Clock, Context, Duration, Effect, Scheduler } from "effect"
import type { Timeline } from "./Timeline.ts"

export interface Process {
  readonly name: string
  /** Its place among all processes of the simulation, those that died included. */
  readonly number: number
  readonly isDead: () => boolean
  /** When it was last stopped; -1 where it never was. */
  readonly stoppedFrom: () => number
  /** Whether it has something to run, and may. */
  readonly isRunnable: () => boolean
  readonly runNext: () => void
  /** Something happens inside of it, when its turn comes. Nothing ever does in one that is dead. */
  readonly enqueue: (task: () => void) => void
  readonly kill: () => void
  readonly stop: (millis: number) => void
  readonly goOn: () => void
  /** What every fiber of it is given: its scheduler and its clock. */
  readonly base: Context.Context<never>
}

/** The simulation's beginning, on a wall clock that is right: 2026-01-01. */
export const epochMillis = 1_767_225_600_000

export interface Options {
  readonly name: string
  readonly number: number
  readonly timeline: Timeline
  /** How far its wall clock is from the simulation's, in milliseconds. */
  readonly skewMillis: number
  /** Whether a fiber gives way before its next operation. */
  readonly shouldYield: () => boolean
  readonly context: Context.Context<never>
}

export const make = ({ context, name, number, shouldYield, skewMillis, timeline }: Options): Process => {
  let queue: Array<() => void> = []
  let head = 0
  let isDead = false
  let stoppedFrom = -1
  let stoppedUntil = -1

  const enqueue = (task: () => void): void => {
    if (!isDead) queue.push(task)
  }

  const scheduler: Scheduler.Scheduler = {
    executionMode: "async",
    shouldYield,
    makeDispatcher: () => ({ scheduleTask: enqueue, flush: () => undefined })
  }

  const wallMillis = () => Math.floor(epochMillis + timeline.now() + skewMillis)
  const monotonicNanos = () => BigInt(Math.round(timeline.now() * 1_000)) * 1_000n
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: wallMillis,
    currentTimeMillis: Effect.sync(wallMillis),
    currentTimeNanosUnsafe: () => BigInt(wallMillis()) * 1_000_000n,
    currentTimeNanos: Effect.sync(() => BigInt(wallMillis()) * 1_000_000n),
    monotonicTimeNanosUnsafe: monotonicNanos,
    monotonicTimeNanos: Effect.sync(monotonicNanos),
    sleep: (duration) => {
      const millis = Duration.toMillis(duration)
      if (millis <= 0) return Effect.yieldNow
      if (!Number.isFinite(millis)) return Effect.never
      return Effect.callback<void>((resume) => {
        let isOver = false
        timeline.after(millis, () => {
          if (!isOver) enqueue(() => resume(Effect.void))
        })
        return Effect.sync(() => {
          isOver = true
        })
      })
    }
  }

  return {
    name,
    number,
    isDead: () => isDead,
    stoppedFrom: () => stoppedFrom,
    isRunnable: () => head < queue.length && stoppedUntil < timeline.now(),
    runNext: () => {
      const task = queue[head]
      head += 1
      if (head === queue.length) {
        queue = []
        head = 0
      }
      task?.()
    },
    enqueue,
    kill: () => {
      isDead = true
      queue = []
      head = 0
    },
    stop: (millis) => {
      stoppedFrom = timeline.now()
      stoppedUntil = Math.max(stoppedUntil, timeline.now() + millis)
      // So that it goes on where nothing else happens by then.
      timeline.after(millis + 0.001, () => undefined)
    },
    goOn: () => {
      stoppedUntil = -1
    },
    base: Context.add(Context.add(context, Scheduler.Scheduler, scheduler), Clock.Clock, clock)
  }
}
