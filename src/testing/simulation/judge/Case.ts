/**
 * Case: what the judge goes by, and what it has found so far.
 */
import { hex } from "../../../domain/Digest.ts"
import { type Row, type Store } from "../../../kernel/ledger-memory/Store.ts"
import type { Begun, Happened } from "../World.ts"
import type { Asker, InvariantName, Violation } from "./invariants.ts"

export interface Case {
  readonly store: Store
  /** The simulation's clock and the ledger's, in milliseconds. */
  readonly now: () => number
  readonly serverNow: () => number
  readonly violations: Array<Violation>
  readonly violated: (invariant: InvariantName, detail: string) => void
  readonly labelOf: (name: string) => string
  /** The rows as they were last seen. */
  readonly seen: Map<string, Row>
  /** What happened in the world, by key. */
  readonly effects: Map<string, ReadonlyArray<Happened>>
  /** Keys that were released without proof, and those that a person said something about. */
  readonly onWord: Set<string>
  readonly ruled: Set<string>
  /** Successes that were told to processes. */
  readonly truths: Array<Begun>
  readonly askers: Map<string, ReadonlyArray<Asker>>
  /** When the provider was last asked what became of a key. */
  readonly lookedUpAt: Map<string, number>
  /** When an attempt was claimed, by key and attempt; when a process last heard of a key, by its number and the key. */
  readonly claimedAt: Map<string, number>
  readonly heardAt: Map<string, number>
  /** How many requests the ledger has written down as repeats, by key. */
  readonly repeats: Map<string, number>
  /** When the ledger's clock last jumped, and by how much it has been set back. */
  jumpedAt: number
  setBackMillis: number
}

/** More than this of one simulation tell nothing new. */
const mostViolations = 20

export const open = ({ now, serverNow, store }: Pick<Case, "store" | "now" | "serverNow">): Case => {
  const violations: Array<Violation> = []
  return {
    store,
    now,
    serverNow,
    violations,
    violated: (invariant, detail) => {
      if (violations.length < mostViolations) violations.push({ invariant, detail, at: now() })
    },
    labelOf: (name) => store.rows.get(name)?.key.label ?? name.slice(0, 8),
    seen: new Map(),
    effects: new Map(),
    onWord: new Set(),
    ruled: new Set(),
    truths: [],
    askers: new Map(),
    lookedUpAt: new Map(),
    claimedAt: new Map(),
    heardAt: new Map(),
    repeats: new Map(),
    jumpedAt: -1,
    setBackMillis: 0
  }
}

/** The name of a row. */
export const nameOf = (key: { readonly hash: Uint8Array }): string => hex(key.hash)

/** Successes that a process was told of which lives, and that do not stand in the ledger. */
export const unkept = ({ store, truths }: Case): ReadonlyArray<Begun> =>
  truths.filter(({ name, process }) => store.rows.get(name)?.state !== "done" && !process.isDead())
