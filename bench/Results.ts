/**
 * Results: the numbers of a run, as JSON, as a table, and kept in a file beside those of other runs.
 */
import { Clock, DateTime, Effect, FileSystem, Schema } from "effect"
import { cpus, totalmem } from "node:os"
import { fileURLToPath } from "node:url"
import { type Goal, goals, goalText, isReached } from "./goals.ts"

/** What one workload has to say. */
export interface Part {
  /** How many rounds it kept, where it has rounds. */
  readonly rounds?: number
  readonly parts: Readonly<Record<string, object>>
  readonly baselines?: Readonly<Record<string, number>>
}

export const Report = Schema.StructWithRest(
  Schema.Struct({
    rounds: Schema.optionalKey(Schema.Int),
    baselines: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite))
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)
export type Report = typeof Report.Type

/** All workloads in one: the fewest rounds that any of them kept. */
export const together = (seen: ReadonlyArray<Part>): Report => {
  const rounds = seen.flatMap(({ rounds }) => (rounds === undefined ? [] : [rounds]))
  const parts = Object.fromEntries(seen.flatMap(({ parts }) => Object.entries(parts)))
  const baselines = Object.fromEntries(seen.flatMap(({ baselines }) => Object.entries(baselines ?? {})))
  return {
    ...(rounds.length === 0 ? {} : { rounds: Math.min(...rounds) }),
    ...parts,
    ...(Object.keys(baselines).length === 0 ? {} : { baselines })
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** A number in the report, where it was measured. */
export const numberAt = (report: Report, [part, field]: Goal["at"]): number | undefined => {
  const found = report[part]
  const value = isRecord(found) ? found[field] : undefined
  return typeof value === "number" ? value : undefined
}

/** The least and the most of a number's rounds. */
export const rangeAt = (report: Report, [part, field]: Goal["at"]): string => {
  const found = report[part]
  const ranges = isRecord(found) ? found["range"] : undefined
  const range = isRecord(ranges) ? ranges[field] : undefined
  return Array.isArray(range) ? range.join("–") : ""
}

/** A line for each goal: what it is, the number, its range, the goal, and whether that is reached. */
export const lines = (report: Report): ReadonlyArray<ReadonlyArray<string>> =>
  goals.flatMap((goal) => {
    const value = numberAt(report, goal.at)
    if (value === undefined) return []
    const text = goalText(goal)
    const verdict = text === "" ? "" : isReached(goal, value) ? "reached" : "missed"
    return [[goal.says, `${value}`, rangeAt(report, goal.at), text, verdict]]
  })

interface Told {
  readonly name: string
  readonly numbers: Readonly<Record<string, unknown>>
}

/** Everybody whose rates are in the report, by workload. */
export const subjects = (report: Report): ReadonlyArray<Told> =>
  Object.entries(report).flatMap(([part, found]) =>
    isRecord(found)
      ? Object.entries(found).flatMap(([subject, numbers]) =>
          isRecord(numbers) && Number.isFinite(numbers["rate"])
            ? [{ name: `${part} ${subject}`, numbers }]
            : []
        )
      : []
  )

const aligned = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

/** What a person reads. */
export const table = (report: Report): string => {
  const rates = subjects(report).map(({ name, numbers }) => [
    name,
    ...["rate", "p50", "p99", "nodeCpu", "postgresCpu"].map((field) => String(numbers[field]))
  ])
  return [
    ...(report.rounds === undefined ? [] : [`${report.rounds} rounds, medians of their ratios`, ""]),
    aligned([["", "median", "min–max", "goal", ""], ...lines(report)]),
    "",
    aligned([["", "a second", "p50 ms", "p99 ms", "Node CPU ms", "Postgres CPU ms"], ...rates])
  ].join("\n")
}

/** The numbers that are kept, with what they were measured on. */
export const Kept = Schema.fromJsonString(
  Schema.Struct({
    /** The day, by workload, and the share of the work where it was not all of it. */
    measuredOn: Schema.Record(Schema.String, Schema.String),
    machine: Schema.Struct({ cores: Schema.Int, processor: Schema.String, memoryGB: Schema.Finite }),
    versions: Schema.Record(Schema.String, Schema.String),
    report: Report
  })
)

const resultsFile = fileURLToPath(new URL("./results.json", import.meta.url))

export const read = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const isThere = yield* files.exists(resultsFile)
  return isThere ? yield* Schema.decodeEffect(Kept)(yield* files.readFileString(resultsFile)) : undefined
})

/** Puts the numbers into the file, in place of those that were there for the same workloads. */
export const save = Effect.fnUntraced(function* (
  report: Report,
  versions: Readonly<Record<string, string>>,
  scale: number
) {
  const files = yield* FileSystem.FileSystem
  const before = yield* read
  const day = DateTime.formatIsoDate(DateTime.makeUnsafe(yield* Clock.currentTimeMillis))
  const how = scale === 1 ? day : `${day} with ${scale} of the work`
  const { baselines, rounds, ...parts } = report
  const [cpu] = cpus()
  const kept: typeof Kept.Type = {
    measuredOn: {
      ...before?.measuredOn,
      ...Object.fromEntries(Object.keys(parts).map((name) => [name, how]))
    },
    machine: {
      cores: cpus().length,
      processor: cpu?.model ?? "unknown",
      memoryGB: Math.round(totalmem() / 2 ** 30)
    },
    versions,
    report: {
      ...before?.report,
      ...(rounds === undefined ? {} : { rounds }),
      ...parts,
      baselines: { ...before?.report.baselines, ...baselines }
    }
  }
  const text = JSON.stringify(JSON.parse(yield* Schema.encodeEffect(Kept)(kept)), null, 2)
  yield* files.writeFileString(resultsFile, `${text}\n`)
})
