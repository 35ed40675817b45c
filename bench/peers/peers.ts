/**
 * The peers, and how much of each workload they are given: as much as keeps a round short, and no less than
 * keeps it from being over before it is warm. A peer's pace in its first turn says which size it gets.
 */
import { readFileSync } from "node:fs"

/** How much of each workload. `D` looks up what `A` has settled, so it is less than `A`. */
export interface Size {
  readonly A: number
  readonly B2: { readonly requests: number; readonly keys: number }
  readonly C: number
  readonly D: number
}

export interface Peer {
  readonly name: string
  readonly version: string
  /** The program of its process. */
  readonly program: URL
  /** Whether it needs Restate's server. */
  readonly onRestate: boolean
  /** The workloads that it can't do; why, the README says. */
  readonly without: ReadonlyArray<"C" | "D">
}

/** The sizes, each for a pace below so many effects a second. */
const sizes: ReadonlyArray<{ readonly below: number; readonly size: Size }> = [
  { below: 200, size: { A: 1_000, B2: { requests: 2_000, keys: 100 }, C: 300, D: 750 } },
  { below: 2_000, size: { A: 2_000, B2: { requests: 4_000, keys: 200 }, C: 300, D: 1_500 } },
  { below: Infinity, size: { A: 10_000, B2: { requests: 20_000, keys: 1_000 }, C: 1_500, D: 7_500 } }
]

/** The size for who does so many distinct effects a second. */
export const sizeAt = (pace: number): Size => {
  const fitting = sizes.find(({ below }) => pace < below)
  if (fitting === undefined) throw new Error(`Bug: no size fits a pace of ${pace}`)
  return fitting.size
}

interface Manifest {
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const manifest = (path: string): Manifest =>
  JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")) as Manifest

const ours = manifest("../../package.json")
const theirs = manifest("package.json")

const pinned = (name: string): string =>
  theirs.dependencies?.[name] ?? ours.devDependencies?.[name] ?? "unknown"

const peer = (
  name: string,
  program: string,
  version: string,
  options: Partial<Pick<Peer, "onRestate" | "without">> = {}
): Peer => ({
  name,
  version,
  program: new URL(program, import.meta.url),
  onRestate: false,
  without: [],
  ...options
})

/** In the order in which a round takes its turns. */
export const peers: ReadonlyArray<Peer> = [
  peer("fibric", "subjects/fibric.ts", ours.version),
  peer("naive", "foreign/naive.ts", `pg ${pinned("pg")}`),
  peer("dbos", "foreign/dbos.ts", pinned("@dbos-inc/dbos-sdk")),
  peer("restate", "foreign/restate.ts", pinned("@restatedev/restate-server"), { onRestate: true }),
  peer("effect-cluster", "subjects/entity.ts", pinned("effect")),
  peer("effect-workflow", "subjects/workflow.ts", pinned("effect"), { without: ["C"] }),
  peer("graphile-worker", "foreign/graphile-worker.ts", pinned("graphile-worker"), { without: ["D"] }),
  peer("pg-boss", "foreign/pg-boss.ts", pinned("pg-boss"))
]
