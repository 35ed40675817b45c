/**
 * kept: workers with more to do for an entity than one action. Where nobody else waits, a settlement
 * claims the next action in its own commit; where others wait, it must not.
 */
import { Effect } from "effect"
import * as Crowd from "./crowd.ts"
import * as Judge from "./judge.ts"
import type { Where } from "./Workers.ts"

const atOnce = 4

/** The share of claims that went along with the settlement before them. */
const shareAlong = ({ events, performed }: Crowd.Report): number =>
  Judge.ratio(events["along_claimed"] ?? 0, performed)

/** A worker that is alone claims at least so many of its actions along; only a run of `keepLane` ends it. */
const leastAlone = 0.5

export const run = Effect.fnUntraced(function* (seconds: number, where: Where) {
  const contended = yield* Crowd.run({ ...Crowd.hot, name: "kept", atOnce, seconds }, where)
  const alone = yield* Crowd.run(
    { ...Crowd.hot, workers: 1, name: "kept-alone", atOnce, seconds: Math.min(seconds, 4) },
    where
  )
  const shares = { contended: shareAlong(contended), alone: shareAlong(alone) }
  return {
    report: { contended, alone, shares },
    surprises: [
      ...Crowd.surprises(contended),
      ...Crowd.unfair(contended),
      ...Crowd.surprises(alone).map((sentence) => `alone: ${sentence}`),
      ...(shares.alone < leastAlone ? [`only ${shares.alone} of a lone worker's claims went along`] : [])
    ]
  }
})
