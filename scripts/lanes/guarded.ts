/**
 * guarded: settlements and guarded claims of the same entities by two processes, in the orders in which
 * locks could be taken in a circle. Each effect that changes a state is found again in it and in its version.
 */
import { Effect } from "effect"
import * as Crowd from "./crowd.ts"
import * as Judge from "./judge.ts"
import type { Where } from "./Workers.ts"

const crowd = { workers: 2, entities: 3, capabilities: ["counted", "guarded", "transacted"] } as const

const watch = Effect.fnUntraced(function* (
  part: Pick<Crowd.Crowd, "name" | "atOnce" | "seconds" | "storms">,
  where: Where
) {
  const { entities, happened, report } = yield* Crowd.watch({ ...crowd, ...part }, where)
  const found = yield* where.database.states
  const transacted = (yield* where.database.transacted).filter(({ entity }) => entities.includes(entity))
  const counted = happened.filter(({ capability }) => capability === "counted")
  const states = entities.map((entity) => ({
    entity,
    ...(found.get(entity) ?? { version: 0, count: 0 }),
    changes: [...counted, ...transacted].filter((effect) => effect.entity === entity).length
  }))
  return {
    ...report,
    states,
    effects: {
      counted: counted.length,
      guarded: happened.filter(({ capability }) => capability === "guarded").length,
      transacted: transacted.length
    },
    // A transaction may be run again after it was taken back: what counts is what it left.
    duplicates:
      Judge.duplicates(happened.filter(({ capability }) => capability !== "transacted")) +
      Judge.duplicates(transacted)
  }
})

type Report = Effect.Success<ReturnType<typeof watch>>

const surprises = (report: Report): ReadonlyArray<string> => [
  ...Crowd.surprises(report),
  ...report.states
    .filter(({ changes, count, version }) => changes !== version || count !== version)
    .map(
      ({ changes, count, entity, version }) =>
        `${entity} is at version ${version} after ${changes} changes, and its state says ${count}`
    ),
  ...Object.entries(report.effects).flatMap(([capability, effects]) =>
    effects === 0 ? [`${capability} had no effect`] : []
  )
]

/** Claims that came too late, of either kind: without them nothing has met. */
const met = ["lane_busy", "stale_guard"] as const

/** As actions, in line, for one half of the time; as a storm for the other. */
export const run = Effect.fnUntraced(function* (seconds: number, where: Where) {
  const half = seconds / 2
  const asked = yield* watch({ name: "guarded", atOnce: 6, seconds: half }, where)
  const stormed = yield* watch({ name: "storm", atOnce: 4, seconds: half, storms: true }, where)
  return {
    report: { asked, stormed },
    surprises: [
      ...surprises(asked),
      ...[
        ...surprises(stormed),
        ...met.filter((verdict) => (stormed.events[verdict] ?? 0) === 0).map((verdict) => `no ${verdict}`)
      ].map((sentence) => `storm: ${sentence}`)
    ]
  }
})
