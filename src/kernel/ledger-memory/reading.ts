/**
 * reading: rows in memory as the port shows them.
 */
import { DateTime } from "effect"
import type { Doubt, Entry, Inspection } from "../Ledger.ts"
import { type Row, type Store, utc } from "./Store.ts"

export const entryOf = (row: Row | undefined): Entry | undefined =>
  row && {
    state: row.state,
    attempt: row.current.attempt,
    fingerprint: row.fingerprint,
    paths: row.paths,
    since: DateTime.makeUnsafe(row.sinceMillis),
    checkAfter: utc(row.checkAtMillis),
    receipt: row.receipt
  }

export const doubtsIn = (store: Store): ReadonlyArray<Row> =>
  [...store.rows.values()]
    .filter(({ state }) => state === "in_doubt")
    .sort((one, other) => one.sinceMillis - other.sinceMillis)

export const doubtOf = (row: Row, now: number): Doubt => ({
  key: row.key,
  lane: Buffer.from(row.lane, "hex"),
  capability: row.key.verb,
  operator: row.operator,
  attempt: row.current.attempt,
  generation: row.current.generation,
  since: DateTime.makeUnsafe(row.sinceMillis),
  reason: row.receipt?.reason ?? "no outcome was recorded",
  recovery: row.current.recovery,
  checkAfter: utc(row.checkAtMillis),
  request: row.request,
  readAtMillis: now
})

/** Doubts whose recovery is due, the oldest first. */
export const dueIn = (store: Store, capabilities: ReadonlyArray<string>, now: number): ReadonlyArray<Row> =>
  doubtsIn(store).filter(
    ({ key, recoverAtMillis }) =>
      recoverAtMillis !== null && recoverAtMillis <= now && capabilities.includes(key.verb)
  )

export const inspectionsIn = (store: Store, name: string): ReadonlyArray<Inspection> =>
  [...store.rows.entries()]
    .filter(([hash, { key }]) => hash === name || key.label === name)
    .map(([, row]) => ({
      key: row.key,
      state: row.state,
      since: DateTime.makeUnsafe(row.sinceMillis),
      checkAfter: utc(row.checkAtMillis),
      receipt: row.receipt,
      attempts: row.attempts
    }))
