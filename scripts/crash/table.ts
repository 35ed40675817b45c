/**
 * The table of the crash harness: which recoveries, killed at which points, and what must come of it.
 *
 * `hold` and `lookup` say what they don't know. A process that died between its claim and its settlement
 * leaves a doubt; only what is recognised, found or taken back settles by itself.
 */

export const recoveries = ["hold", "resend", "lookup", "transactional"] as const
export type RecoveryName = (typeof recoveries)[number]

/**
 * Where the process is killed.
 *
 * - `before-claim`: the claim has not been sent
 * - `after-claim`: the claim is durable, nothing has left for the world
 * - `after-effect`: the world has acknowledged the effect (`transactional`: its SQL is done, not committed)
 * - `after-settle`: outcome and receipt are durable, nobody has been answered
 */
export const points = ["before-claim", "after-claim", "after-effect", "after-settle"] as const
export type Point = (typeof points)[number]

export interface KillPoint {
  readonly recovery: RecoveryName
  readonly point: Point
}

export const killPoints: ReadonlyArray<KillPoint> = recoveries.flatMap((recovery) =>
  points.map((point) => ({ recovery, point }))
)

/** What the trials of a kill point came to. */
export interface Row extends KillPoint {
  readonly trials: number
  /** The fewest and the most effects that the outside world counts for one intended change. */
  readonly effectsMin: number
  readonly effectsMax: number
  /** Requests after the kill that were answered, in the end, with the receipt of what happened. */
  readonly answered: number
  /** Requests after the kill whose last answer is that nobody knows. */
  readonly inDoubt: number
}

interface Expected {
  readonly effects: number
  readonly end: "answered" | "in doubt"
}

const once: Expected = { effects: 1, end: "answered" }
const notSent: Expected = { effects: 0, end: "in doubt" }
const unheard: Expected = { effects: 1, end: "in doubt" }

const expected: Readonly<Record<RecoveryName, Readonly<Record<Point, Expected>>>> = {
  hold: { "before-claim": once, "after-claim": notSent, "after-effect": unheard, "after-settle": once },
  resend: { "before-claim": once, "after-claim": once, "after-effect": once, "after-settle": once },
  // Finding nothing proves nothing where no `releaseAfter` is declared.
  lookup: { "before-claim": once, "after-claim": notSent, "after-effect": once, "after-settle": once },
  transactional: { "before-claim": once, "after-claim": once, "after-effect": once, "after-settle": once }
}

/** The row as it has to be. */
export const expectedRow = ({ point, recovery }: KillPoint, trials: number): Row => {
  const { effects, end } = expected[recovery][point]
  return {
    recovery,
    point,
    trials,
    effectsMin: effects,
    effectsMax: effects,
    answered: end === "answered" ? trials : 0,
    inDoubt: end === "in doubt" ? trials : 0
  }
}

const numbers = ["effectsMin", "effectsMax", "answered", "inDoubt"] as const

/** How a row differs from what it has to be, as sentences; nothing where it does not. */
export const surprises = (row: Row): ReadonlyArray<string> => {
  const wanted = expectedRow(row, row.trials)
  return numbers
    .filter((name) => row[name] !== wanted[name])
    .map((name) => `${row.recovery}, ${row.point}: ${name} is ${row[name]} and has to be ${wanted[name]}`)
}

/** The rows for people. */
export const draw = (rows: ReadonlyArray<Row>): string => {
  const line = (...cells: ReadonlyArray<string>) =>
    [...cells.slice(0, 2).map((cell) => cell.padEnd(15)), ...cells.slice(2).map((cell) => cell.padStart(9))]
      .join(" ")
      .trimEnd()
  return [
    line("recovery", "killed", "trials", "effects", "answered", "in doubt"),
    ...rows.map(({ answered, effectsMax, effectsMin, inDoubt, point, recovery, trials }) =>
      line(recovery, point, `${trials}`, `${effectsMin} to ${effectsMax}`, `${answered}`, `${inDoubt}`)
    )
  ].join("\n")
}
