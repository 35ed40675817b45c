/**
 * The peers, and how much of each workload they are given: as much as keeps a round short. The same for all
 * peers but the slowest; more for fibric and the naive way, which would be over before they are warm.
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
  readonly size: Size
  /** The workloads that it can't do; why, the README says. */
  readonly without: ReadonlyArray<"C" | "D">
}

const usual: Size = { A: 2_000, B2: { requests: 4_000, keys: 200 }, C: 300, D: 1_500 }

const large: Size = { A: 10_000, B2: { requests: 20_000, keys: 1_000 }, C: 1_500, D: 7_500 }

const small: Size = { A: 1_000, B2: { requests: 2_000, keys: 100 }, C: 300, D: 750 }

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
  options: Partial<Pick<Peer, "onRestate" | "size" | "without">> = {}
): Peer => ({
  name,
  version,
  program: new URL(program, import.meta.url),
  onRestate: false,
  size: usual,
  without: [],
  ...options
})

/** In the order in which a round takes its turns. */
export const peers: ReadonlyArray<Peer> = [
  peer("fibric", "subjects/fibric.ts", ours.version, { size: large }),
  peer("naive", "foreign/naive.ts", `pg ${pinned("pg")}`, { size: large }),
  peer("dbos", "foreign/dbos.ts", pinned("@dbos-inc/dbos-sdk")),
  peer("restate", "foreign/restate.ts", pinned("@restatedev/restate-server"), { onRestate: true }),
  peer("effect-cluster", "subjects/entity.ts", pinned("effect")),
  peer("effect-workflow", "subjects/workflow.ts", pinned("effect"), { size: small, without: ["C"] }),
  peer("graphile-worker", "foreign/graphile-worker.ts", pinned("graphile-worker"), { without: ["D"] }),
  peer("pg-boss", "foreign/pg-boss.ts", pinned("pg-boss"))
]
