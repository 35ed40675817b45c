/**
 * told: whoever waits in line does not look by himself for four seconds. That anything goes on is the
 * notifications' doing, and each that is lost is seen as a wait of four seconds.
 */
import { Effect } from "effect"
import * as Crowd from "./crowd.ts"
import * as Judge from "./judge.ts"
import type { Where } from "./Workers.ts"

const lookMillis = 4_000

/** Two workers only: the line is often empty, which is when somebody can come unseen. */
const crowd = {
  ...Crowd.hot,
  name: "told",
  workers: 2,
  atOnce: 1,
  bounds: { pollMillis: lookMillis, maxPollMillis: lookMillis }
} as const

/** Of the waits in line, so many at least have to be ended by a notification. A few can be lost by design. */
const leastTold = 0.5

export const run = Effect.fnUntraced(function* (seconds: number, where: Where) {
  const { happened, report } = yield* Crowd.watch({ ...crowd, seconds: Math.min(seconds, 4) }, where)
  const { called = 0, uncalled = 0 } = report.events
  const told = Judge.ratio(called, called + uncalled)
  const lost = Judge.warm(happened).filter(({ waitedMillis }) => waitedMillis >= lookMillis).length
  return {
    report: { ...report, told, lost },
    surprises: [
      ...Crowd.surprises(report),
      ...(told < leastTold ? [`only ${told} of the waits in line were ended by a notification`] : [])
    ]
  }
})
