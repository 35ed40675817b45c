/**
 * LedgerMemory: the ledger and its receipts in this process's memory, for unit tests.
 *
 * It keeps every rule of the port and forgets everything with the process: it is no home for a
 * promise. It has no SQL either, so a transactional effect can't be rolled back by it. Time is the
 * `Clock`'s, so a `TestClock` moves its leases and doubts.
 */
import { Clock, Context, Effect, Layer } from "effect"
import type { LedgerUnavailable } from "../domain/errors.ts"
import * as Identifiers from "../domain/Identifiers.ts"
import { type KeyName, Ledger, type Place, type Transacted } from "./Ledger.ts"
import { claimIn, isFree, laneIn, resendIn } from "./ledger-memory/claims.ts"
import { logOf } from "./ledger-memory/log.ts"
import { callNext, leadsTo, queueIn, withdraw } from "./ledger-memory/line.ts"
import { doubtOf, doubtsIn, dueIn, entryOf, inspectionsIn } from "./ledger-memory/reading.ts"
import { recordIn } from "./ledger-memory/repeats.ts"
import { hex } from "../domain/Digest.ts"
import { emptyStore, entityIn, type Row, settledBefore, type Store } from "./ledger-memory/Store.ts"
import { settleAndClaimIn } from "./ledger-memory/along.ts"
import { applyIn, reapIn, settleIn } from "./ledger-memory/transitions.ts"
import { LedgerTransaction } from "./LedgerTransaction.ts"
import { ReceiptLog } from "./ReceiptLog.ts"
import { refusing } from "./Transaction.ts"

/** The statements of the port, and the two that a transaction is made of. */
export type StatementName =
  | Exclude<keyof Ledger["Service"], "pathSecret" | "called" | "transact" | "now">
  | "begin"
  | "commit"

/** A statement on its way to the store, and the keys that it is about. */
export interface Statement {
  readonly name: StatementName
  readonly keys?: ReadonlyArray<KeyName & { readonly label?: string }>
}

/**
 * How a process reaches the store. In memory a statement lands at once and is answered at once; a simulated
 * network (`fibric/testing`) puts time and losses in between.
 */
export interface Carrier {
  /** Brings a statement to the store, where `land` runs as one step, by the store's clock. */
  readonly carry: <A>(
    statement: Statement,
    land: (nowMillis: number) => A
  ) => Effect.Effect<A, LedgerUnavailable>
  readonly now: Effect.Effect<number>
  readonly called: (place: Place) => Effect.Effect<void>
  /** What a transactional effect is given. */
  readonly transaction: LedgerTransaction["Service"]
}

/** Both services over one store. */
export const layer: Layer.Layer<Ledger | ReceiptLog> = Layer.effectContext(
  Effect.gen(function* () {
    const store = emptyStore()
    const ledger = over(store, yield* Identifiers.token, {
      carry: (_statement, land) => Effect.map(Clock.currentTimeMillis, land),
      now: Clock.currentTimeMillis,
      called: store.bell.heard,
      transaction: refusing(
        "The ledger in memory has no SQL: test a transactional capability on fibric/embedded."
      )
    })
    return Context.make(Ledger, ledger).pipe(Context.add(ReceiptLog, logOf(store)))
  })
)

/** The ledger of a process that reaches the store in its own way. */
export const over = (store: Store, pathSecret: string, carrier: Carrier): Ledger["Service"] => {
  const { called, carry, now, transaction } = carrier
  const rowOf = (key: KeyName) => store.rows.get(hex(key.hash))
  return Ledger.of({
    pathSecret,
    find: (key) => carry({ name: "find", keys: [key] }, () => entryOf(rowOf(key))),
    claim: (claim) => carry({ name: "claim", keys: [claim.key] }, (now) => claimIn(store, claim, now)),
    resend: (attempt) =>
      carry({ name: "resend", keys: [attempt.key] }, (now) => resendIn(store, attempt, now)),
    settle: (settlement) =>
      carry({ name: "settle", keys: [settlement.key] }, (now) => settleIn(store, settlement, now)),
    settleAndClaim: (settlement, next) =>
      carry({ name: "settleAndClaim", keys: [settlement.key] }, (now) =>
        settleAndClaimIn(store, settlement, next, now)
      ),
    look: ({ entityHash }, place) =>
      carry({ name: "look" }, (now) => ({
        ...entityIn(store, hex(entityHash)),
        lane: laneIn(store, place, now)
      })),
    queue: (place, turnMillis) =>
      carry({ name: "queue" }, (now) => {
        queueIn(store, place, turnMillis, isFree(store, place.lane), now)
        return laneIn(store, place, now)._tag !== "LaneBusy"
      }),
    leave: (place) =>
      carry({ name: "leave" }, (now) => {
        withdraw(store, place)
        callNext(store, hex(place.lane), now)
      }),
    called,
    waitFor: ({ awaits, id, inside, worker }) =>
      carry({ name: "waitFor" }, (now) => {
        store.waiting.set(id, { worker, inside: hex(inside), awaits: hex(awaits) })
        return leadsTo(store, hex(awaits), hex(inside), now)
      }),
    waitNoMore: (id) => carry({ name: "waitNoMore" }, () => void store.waiting.delete(id)),
    apply: (key, event, receiptId) =>
      carry({ name: "apply", keys: [key] }, (now) => applyIn(store, rowOf(key), event, receiptId, now)),
    transact: Effect.fnUntraced(function* ({ key, receiptId, token }, effect) {
      const isFenced = (row: Row | undefined) => row?.current.token !== token || row.state !== "performing"
      const before = yield* carry(
        { name: "begin", keys: [key] },
        () => settledBefore(store, receiptId) ?? (isFenced(rowOf(key)) ? fenced : undefined)
      )
      if (before !== undefined) return before
      const { durationMillis, evidence } = yield* Effect.provideService(
        effect,
        LedgerTransaction,
        transaction
      )
      if (evidence._tag !== "Performed" && evidence._tag !== "Refused") {
        return { _tag: "RolledBack", evidence }
      }
      return yield* carry({ name: "commit", keys: [key] }, (now): Transacted => {
        if (isFenced(rowOf(key))) return settledBefore(store, receiptId) ?? fenced
        const applied = settleIn(store, { key, token, receiptId, evidence, durationMillis }, now)
        return applied._tag === "Settled" ? applied : fenced
      })
    }),
    now,
    record: (batch) => carry({ name: "record" }, (now) => recordIn(store, batch, now)),
    beat: (worker, leaseMillis) =>
      carry({ name: "beat" }, (now) => {
        const expiresAt = store.leases.get(worker)
        if (expiresAt !== undefined && expiresAt <= now) return false
        store.leases.set(worker, now + leaseMillis)
        return true
      }),
    reap: (ids) => carry({ name: "reap" }, (now) => reapIn(store, ids, now)),
    takeDue: (capabilities, limit, leaseMillis) =>
      carry({ name: "takeDue" }, (now) =>
        dueIn(store, capabilities, now)
          .slice(0, limit)
          .map((row) => {
            store.rows.set(hex(row.key.hash), { ...row, recoverAtMillis: now + leaseMillis })
            return doubtOf(row, now)
          })
      ),
    leaveToPerson: (key, attempt) =>
      carry({ name: "leaveToPerson", keys: [key] }, (now) => {
        const row = rowOf(key)
        if (row?.state !== "in_doubt" || row.current.attempt !== attempt) return
        const checkAtMillis = Math.max(now, row.current.claimedAtMillis + row.verdictAfterMillis)
        store.rows.set(hex(key.hash), { ...row, recoverAtMillis: null, checkAtMillis })
      }),
    doubts: (limit) =>
      carry({ name: "doubts" }, (now) =>
        doubtsIn(store)
          .slice(0, limit)
          .map((row) => ({ ...doubtOf(row, now), request: null }))
      ),
    inspect: (name) => carry({ name: "inspect" }, () => inspectionsIn(store, name))
  })
}

const fenced: Transacted = { _tag: "Fenced" }
