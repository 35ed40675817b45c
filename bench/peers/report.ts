/**
 * report: the medians of a run's rounds, for a program and for people. A field that a peer can't do is null;
 * why, the README says.
 */
import type { Peer } from "./peers.ts"
import type { Crash } from "./trial.ts"
import type { Name, Turn } from "./workloads.ts"

/** What was found about a peer. */
export interface Found {
  readonly peer: Peer
  readonly turns: ReadonlyArray<Turn>
  readonly crash: Crash | undefined
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}

const rounded = (value: number): number => Number(value.toPrecision(4))

/** A workload's numbers over the rounds: the medians of what varies, and the rest as it is. */
const over = <N extends Name, R>(
  turns: ReadonlyArray<Turn>,
  name: N,
  summary: (
    of: (pick: (one: NonNullable<Turn[N]>) => number) => number,
    all: ReadonlyArray<NonNullable<Turn[N]>>
  ) => R
): R | null => {
  const all = turns.flatMap((turn) => {
    const one = turn[name]
    return one === undefined ? [] : [one as NonNullable<Turn[N]>]
  })
  return all.length === 0 ? null : summary((pick) => rounded(median(all.map(pick))), all)
}

const most = <A>(all: ReadonlyArray<A>, pick: (one: A) => number): number => Math.max(...all.map(pick))

/** The rate of a workload that has nothing else to show, and of how many requests. */
const rateOf = <T extends { readonly rate: number; readonly count: number }>(
  of: (pick: (one: T) => number) => number,
  all: ReadonlyArray<T>
) => ({ rate: of(({ rate }) => rate), requests: most(all, ({ count }) => count) })

/** A peer's row. Counts are those of the worst round, so that a run that went wrong once shows. */
export const row = ({ crash, peer, turns }: Found) => ({
  name: peer.name,
  version: peer.version,
  A: over(turns, "A", (of, all) => ({
    rate: of(({ rate }) => rate),
    p99Millis: of(({ p99Millis }) => p99Millis),
    requests: most(all, ({ count }) => count)
  })),
  B2: over(turns, "B2", (of, all) => ({
    rate: of(({ rate }) => rate),
    requests: most(all, ({ requests }) => requests),
    keys: most(all, ({ keys }) => keys),
    effects: most(all, ({ effects }) => effects),
    receipts: most(all, ({ receipts }) => receipts)
  })),
  C: over(turns, "C", rateOf),
  D: over(turns, "D", rateOf),
  crash: crash ?? null
})

type Row = ReturnType<typeof row>

const number = (value: number | undefined): string =>
  value === undefined ? "–" : value.toLocaleString("en", { maximumFractionDigits: value < 100 ? 1 : 0 })

const heads = ["A /s", "p99 ms", "B2 /s", "effects", "receipts", "C /s", "D /s", "crash"]

const cells = ({ A, B2, C, D, crash }: Row) => [
  number(A?.rate),
  number(A?.p99Millis),
  number(B2?.rate),
  B2 === null ? "–" : `${number(B2.effects)}/${number(B2.keys)}`,
  B2 === null ? "–" : `${number(B2.receipts)}/${number(B2.requests)}`,
  number(C?.rate),
  number(D?.rate),
  crash === null ? "–" : `${crash.effects}: ${crash.says}`
]

/** The rows for people. */
export const draw = (rows: ReadonlyArray<Row>): string => {
  const line = (name: string, rest: ReadonlyArray<string>) =>
    [
      name.padEnd(16),
      ...rest.map((cell, index) => (index === 7 ? `  ${cell}` : cell.padStart(index === 4 ? 15 : 11)))
    ]
      .join("")
      .trimEnd()
  return [line("", heads), ...rows.map((row) => line(row.name, cells(row)))].join("\n")
}
