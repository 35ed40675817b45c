/**
 * goals: what is to be reached, for the table and for the page. A goal that is missed stays the goal.
 */
export interface Goal {
  /** Where its number stands in the report. */
  readonly at: readonly [part: string, field: string]
  readonly says: string
  readonly least?: number
  readonly most?: number
  /** By which share it may be beyond `most`: a run of a lane ends now and then, and a beat falls in between. */
  readonly hair?: number
}

export const goals: ReadonlyArray<Goal> = [
  { at: ["A", "ratioToGroup"], says: "A: rate to group commit by hand", least: 0.7 },
  { at: ["A", "p99RatioToGroup"], says: "A: p99 to group commit by hand", most: 2 },
  { at: ["A", "ratioToNaive"], says: "A: rate to two autocommit statements" },
  { at: ["B1", "effects"], says: "B1: effects of 657 requests", least: 1, most: 1 },
  { at: ["B1", "ratioToBaseline"], says: "B1: time to the same work by hand", most: 2 },
  { at: ["B2", "ratioToLogged"], says: "B2: rate to the same work by hand", least: 0.5 },
  { at: ["C", "strictToNaive"], says: "C: strict, rate to two autocommit statements", least: 1 },
  { at: ["C", "mergedToMerged"], says: "C: merged, rate to the same by hand", least: 0.8 },
  { at: ["D", "ratioToAny"], says: "D: rate to = ANY and batched receipts", least: 0.5 },
  { at: ["D", "firstReplyMillis"], says: "D: first reply of a cold process, ms", most: 1_000 },
  { at: ["M", "bytesPerIdleEntity"], says: "M: bytes an idle entity", most: 1_024 },
  { at: ["M", "growthMB"], says: "M: growth after a million entities, MB", most: 300 },
  { at: ["F", "A"], says: "F: flushes an effect", most: 2, hair: 0.05 },
  { at: ["F", "C"], says: "F: flushes an effect, merged", most: 1, hair: 0.05 },
  { at: ["growth", "ratioToNone"], says: "growth: rate with 10 million settled keys to none", least: 0.8 },
  { at: ["replicas", "twoToOne"], says: "replicas: rate of two processes to one", least: 1.3 }
]

export const isReached = ({ hair = 0, least, most }: Goal, value: number): boolean =>
  (least === undefined || value >= least) && (most === undefined || value <= most * (1 + hair))

export const goalText = ({ least, most }: Goal): string => {
  if (least !== undefined && least === most) return `${least}`
  if (least !== undefined) return `≥ ${least}`
  return most === undefined ? "" : `≤ ${most}`
}
