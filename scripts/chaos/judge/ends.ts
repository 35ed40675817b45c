/**
 * ends: whether everything has come to an end after healing, and whether what was kept fits together.
 */
import { sentenceOf } from "../../../src/domain/Seal.ts"
import type { Record } from "./Record.ts"
import type { Violation } from "./Violation.ts"

/** How long after its time something may still be under way. */
export const patienceMillis = 4_000

export const stuck = ({ asked, rows }: Record): ReadonlyArray<Violation> => [
  ...rows
    .filter(({ silentForMillis, state }) => state === "performing" && silentForMillis > patienceMillis)
    .map(({ key, silentForMillis }): Violation => ({
      name: "STUCK",
      sentence: `${key} is under way, ${Math.round(silentForMillis)} ms after it should have been called doubtful`
    })),
  ...rows
    .filter(
      ({ dueForMillis, state }) =>
        state === "in_doubt" && dueForMillis !== null && dueForMillis > patienceMillis
    )
    .map(({ dueForMillis, key }): Violation => ({
      name: "STUCK",
      sentence: `${key} is in doubt, and its recovery has been due for ${Math.round(dueForMillis ?? 0)} ms`
    })),
  ...asked
    .filter(({ answer, died }) => answer === undefined && !died)
    .map(({ key, worker }): Violation => ({
      name: "STUCK",
      sentence: `${key} was asked of ${worker}, which lives and has not answered`
    }))
]

/** The version counts the settled changes, and the state counts with it. */
export const states = ({ receipts, rows, states }: Record): ReadonlyArray<Violation> => [
  ...states.flatMap(({ entity, state, version }): ReadonlyArray<Violation> => {
    const done = rows.filter(
      (row) => row.entity === entity && row.capability === "counted" && row.state === "done"
    ).length
    const isCounted = version === 0 ? state === null : state === `{"count":${version}}`
    return version === done && isCounted
      ? []
      : [
          {
            name: "STATE",
            sentence: `${entity} is at version ${version} with ${state} after ${done} settled changes`
          }
        ]
  }),
  ...receipts
    .filter(({ outcome, reason }) => outcome === "superseded" && reason?.startsWith("torn") === true)
    .map(({ key, reason }): Violation => ({
      name: "STATE",
      sentence: `${key} saw a state that was ${reason}`
    }))
]

export const chain = ({ verification }: Record): ReadonlyArray<Violation> =>
  verification.findings.map((finding) => ({ name: "CHAIN", sentence: sentenceOf(finding) }))

export const crashed = ({ crashed }: Record): ReadonlyArray<Violation> =>
  crashed === 0 ? [] : [{ name: "CRASHED", sentence: `${crashed} workers ended by themselves` }]
