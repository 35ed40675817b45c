/**
 * judge: what was committed beside what happened.
 */
import type { Committed } from "./writing.ts"

export interface Verdict {
  readonly performed: number
  readonly duplicates: number
  readonly missing: number
  /** Performed although its transaction did not commit. */
  readonly uncommitted: number
  readonly outOfOrder: number
}

const nameOf = ({ entity, number, transaction }: Committed): string => `${entity} ${number} ${transaction}`

/** `happened` in the order in which it did. */
export const judge = (committed: ReadonlyArray<Committed>, happened: ReadonlyArray<Committed>): Verdict => {
  const wanted = new Set(committed.map(nameOf))
  const seen = new Set<string>()
  const last = new Map<string, number>()
  const counts = { duplicates: 0, uncommitted: 0, outOfOrder: 0 }
  for (const one of happened) {
    const name = nameOf(one)
    if (seen.has(name)) counts.duplicates += 1
    else if (!wanted.has(name)) counts.uncommitted += 1
    else if (one.number < (last.get(one.entity) ?? 0)) counts.outOfOrder += 1
    seen.add(name)
    last.set(one.entity, Math.max(one.number, last.get(one.entity) ?? 0))
  }
  return {
    performed: happened.length,
    ...counts,
    missing: [...wanted].filter((name) => !seen.has(name)).length
  }
}

/** What of it must not be. */
export const surprises = (name: string, verdict: Verdict, committed: number): ReadonlyArray<string> =>
  [
    ...(verdict.performed === committed ? [] : [`${verdict.performed} of ${committed} performed`]),
    ...(["duplicates", "missing", "uncommitted", "outOfOrder"] as const)
      .filter((fault) => verdict[fault] > 0)
      .map((fault) => `${verdict[fault]} ${fault}`)
  ].map((sentence) => `${name}: ${sentence}`)
