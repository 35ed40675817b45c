/**
 * report: writes what was kept (bench/results.json, bench/peers/results.json) into docs/performance.md, between
 * its marks, and draws docs/performance.svg. `npm run bench:report`. The text around it is written by hand.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, FileSystem } from "effect"
import { fileURLToPath } from "node:url"
import * as Peers from "./Peers.ts"
import * as Plot from "./plot.ts"
import * as Results from "./Results.ts"

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
const page = at("docs/performance.md")
const plot = at("docs/performance.svg")
const marks = /<!-- results -->[\s\S]*<!-- \/results -->/

const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n")

const numbers = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 })
const shown = (value: unknown): string => (typeof value === "number" ? numbers.format(value) : "–")

const measuredOn = ({ machine, measuredOn, versions }: typeof Results.Kept.Type): string => {
  const days = [...new Set(Object.values(measuredOn))].sort()
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return `Measured on ${days.join(", ")}: ${machine.cores} cores (${machine.processor}), ${machine.memoryGB} GB, ${named.join(", ")}.`
}

const subjects = (report: Results.Report): string =>
  table(
    ["", "a second", "p50 ms", "p99 ms", "CPU ms a request, Node", "Postgres"],
    Results.subjects(report).map(({ name, numbers }) => [
      name,
      ...["rate", "p50", "p99", "nodeCpu", "postgresCpu"].map((field) => shown(numbers[field]))
    ])
  )

/** So many of so many; nothing where it was not counted. */
const share = (some: number | null | undefined, all: number | undefined): string =>
  all === undefined ? "–" : `${shown(some)} of ${shown(all)}`

const peersTable = (peers: ReadonlyArray<Peers.Peer>): string =>
  table(
    [
      "",
      "A a second",
      "p99 ms",
      "B2 a second",
      "effects of keys",
      "receipts of requests",
      "C",
      "D",
      "effects after a crash"
    ],
    peers.map(({ A, B2, C, D, crash, name, version }) => [
      version === undefined || version === null ? name : `${name} ${version}`,
      ...[A?.rate, A?.p99Millis, B2?.rate].map(shown),
      share(B2?.effects, B2?.keys),
      share(B2?.receipts, B2?.requests),
      ...[C?.rate, D?.rate].map(shown),
      [shown(crash?.effects), crash?.says].filter((text) => text !== undefined).join(": ")
    ])
  )

const bar = (
  name: string,
  rate: number | undefined,
  kind: Plot.Bar["kind"],
  note = ""
): ReadonlyArray<Plot.Bar> => (rate === undefined ? [] : [{ name, rate, kind, note }])

/** A panel: fibric and the baselines of our own run, then the peers of theirs. */
const panel = (
  report: Results.Report,
  peers: ReadonlyArray<Peers.Peer>,
  part: "A" | "B2" | "C" | "D",
  title: string
): Plot.Panel => {
  const own = Results.subjects(report).filter(({ name }) => name.startsWith(`${part} `))
  return {
    title,
    bars: [
      ...own.flatMap(({ name, numbers }) => {
        const subject = name.slice(part.length + 1)
        const isFibric = subject.startsWith("fibric") || subject === "twoProcesses"
        return bar(
          isFibric ? subject : `${subject}, by hand`,
          Number(numbers["rate"]),
          isFibric ? "fibric" : "hand"
        )
      }),
      ...peers
        .filter(({ name }) => name !== "fibric" && name !== "naive")
        .flatMap((peer) => {
          const { effects, keys } = peer.B2 ?? { effects: 0, keys: 0 }
          const isMore = part === "B2" && effects > keys
          const note = isMore
            ? `, ran ${numbers.format(effects)} effects for ${numbers.format(keys)} keys`
            : ""
          return bar(peer.name, peer[part]?.rate, "peer", note)
        })
    ]
  }
}

const program = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const kept = yield* Results.read
  if (kept === undefined) return yield* Console.error("There is nothing to report: npm run bench -- --save")
  const peers = yield* Peers.read
  const { report } = kept
  const lines = Results.lines(report)
  const text = [
    "<!-- results -->",
    measuredOn(kept),
    "",
    table(["", "median", "min–max", "goal", ""], lines),
    "",
    subjects(report),
    ...(peers.length === 0 ? [] : ["", peersTable(peers)]),
    "<!-- /results -->"
  ].join("\n")
  const before = yield* files.readFileString(page)
  yield* files.writeFileString(
    page,
    before.replace(marks, () => text)
  )
  const panels = [
    panel(report, peers, "A", "A: 20,000 effects, each on its own entity, a second"),
    panel(report, peers, "B2", "B2: 100,000 requests for 1,000 keys, a second"),
    panel(report, peers, "C", "C: 2,000 effects on one entity, a second"),
    panel(report, peers, "D", "D: 20,000 cold repeats, a second")
  ]
  yield* files.writeFileString(plot, Plot.svg(panels.filter(({ bars }) => bars.length > 0)))
  yield* Console.log(`${page} and ${plot} are written.`)
})

NodeRuntime.runMain(Effect.provide(program, NodeServices.layer))
