/**
 * LedgerMemory: the ledger and its receipts in this process's memory, for unit tests.
 *
 * It keeps every rule of the port and forgets everything with the process: it is no home for a
 * promise. It has no SQL either, so a transactional effect can't be rolled back by it. Time is the
 * `Clock`'s, so a `TestClock` moves its leases and doubts.
 */
import { Clock, Context, DateTime, Effect, Layer } from "effect"
import * as Identifiers from "../domain/Identifiers.ts"
import { Ledger } from "./Ledger.ts"
import { claimIn, isFree, laneIn, resendIn } from "./ledger-memory/claims.ts"
import { logOf } from "./ledger-memory/log.ts"
import { callNext, leadsTo, othersWait, queueIn, withdraw } from "./ledger-memory/line.ts"
import { doubtOf, doubtsIn, entryOf } from "./ledger-memory/reading.ts"
import { append, emptyStore, entityIn, hex, settledBefore, utc } from "./ledger-memory/Store.ts"
import { applyIn, reapIn } from "./ledger-memory/transitions.ts"
import { LedgerTransaction } from "./LedgerTransaction.ts"
import type { Event } from "./lifecycle/KeyRow.ts"
import { ReceiptLog } from "./ReceiptLog.ts"
import { refusing } from "./Transaction.ts"

/** Both services over one store. */
export const layer: Layer.Layer<Ledger | ReceiptLog> = Layer.effectContext(
  Effect.gen(function* () {
    const store = emptyStore()
    const pathSecret = yield* Identifiers.token
    const at = <A>(operation: (nowMillis: number) => A): Effect.Effect<A> =>
      Effect.map(Clock.currentTimeMillis, operation)
    const rowOf = (key: { readonly hash: Uint8Array }) => store.rows.get(hex(key.hash))
    const ledger = Ledger.of({
      pathSecret,
      find: (key) => Effect.sync(() => entryOf(rowOf(key))),
      claim: (claim) => at((now) => claimIn(store, claim, now)),
      resend: (attempt) => at((now) => resendIn(store, attempt, now)),
      settle: ({ durationMillis, evidence, key, receiptId, token }) =>
        at((now) =>
          applyIn(store, rowOf(key), { _tag: "Evidence", token, evidence, durationMillis }, receiptId, now)
        ),
      settleAndClaim: ({ durationMillis, evidence, key, receiptId, token }, next) =>
        at((now) => {
          const event = { _tag: "Evidence", token, evidence, durationMillis } as const
          const inTime = rowOf(key)?.state === "performing" && evidence._tag !== "Unknown"
          const applied = applyIn(store, rowOf(key), event, receiptId, now)
          const alone = !othersWait(store, next, now)
          const verdict = inTime && alone && rowOf(next.key) === undefined && claimIn(store, next, now)
          return {
            applied,
            claimed: verdict !== false && verdict._tag === "Claimed" ? verdict : undefined
          }
        }),
      look: ({ entityHash }, place) =>
        at((now) => ({ ...entityIn(store, hex(entityHash)), lane: laneIn(store, place, now) })),
      queue: (place, turnMillis) =>
        at((now) => {
          queueIn(store, place, turnMillis, isFree(store, place.lane), now)
          return laneIn(store, place, now)._tag !== "LaneBusy"
        }),
      leave: (place) =>
        at((now) => {
          withdraw(store, place)
          callNext(store, hex(place.lane), now)
        }),
      called: store.bell.heard,
      waitFor: ({ awaits, id, inside, worker }) =>
        at((now) => {
          store.waiting.set(id, { worker, inside: hex(inside), awaits: hex(awaits) })
          return leadsTo(store, hex(awaits), hex(inside), now)
        }),
      waitNoMore: (id) => Effect.sync(() => void store.waiting.delete(id)),
      apply: (key, event, receiptId) => at((now) => applyIn(store, rowOf(key), event, receiptId, now)),
      transact: ({ key, receiptId, token }, effect) =>
        Effect.gen(function* () {
          const before = rowOf(key)
          const settled = settledBefore(store, receiptId)
          if (settled !== undefined) return settled
          if (before?.current.token !== token || before.state !== "performing") return { _tag: "Fenced" }
          const { durationMillis, evidence } = yield* Effect.provideService(effect, LedgerTransaction, noSql)
          if (evidence._tag !== "Performed" && evidence._tag !== "Refused")
            return { _tag: "RolledBack", evidence }
          const row = rowOf(key)
          if (row?.current.token !== token || row.state !== "performing") return { _tag: "Fenced" }
          const event: Event = { _tag: "Evidence", token, evidence, durationMillis }
          const applied = yield* at((now) => applyIn(store, row, event, receiptId, now))
          return applied._tag === "Settled" ? applied : { _tag: "Fenced" }
        }),
      now: Clock.currentTimeMillis,
      record: ({ id, notAfterMillis, repeats }) =>
        at((now) => {
          if (!store.batches.has(id) && now >= notAfterMillis) return { _tag: "TooLate" }
          store.batches.add(id)
          const receipts = repeats.map((repeat) =>
            append(store, repeat.key, now, {
              ...repeat,
              id: repeat.receiptId,
              attempt: rowOf(repeat.key)?.current.attempt ?? 0,
              durationMillis: null,
              proof: null,
              body: null,
              checkAfter: null
            })
          )
          return { _tag: "Recorded", receipts }
        }),
      beat: (worker, leaseMillis) =>
        at((now) => {
          const expiresAt = store.leases.get(worker)
          if (expiresAt !== undefined && expiresAt <= now) return false
          store.leases.set(worker, now + leaseMillis)
          return true
        }),
      reap: (ids) => at((now) => reapIn(store, ids, now)),
      takeDue: (capabilities, limit, leaseMillis) =>
        at((now) => {
          const due = doubtsIn(store).filter(
            (row) =>
              row.recoverAtMillis !== null &&
              row.recoverAtMillis <= now &&
              capabilities.includes(row.key.verb)
          )
          return due.slice(0, limit).map((row) => {
            store.rows.set(hex(row.key.hash), { ...row, recoverAtMillis: now + leaseMillis })
            return doubtOf(row, now)
          })
        }),
      leaveToPerson: (key, attempt) =>
        at((now) => {
          const row = rowOf(key)
          if (row?.state !== "in_doubt" || row.current.attempt !== attempt) return
          const checkAtMillis = Math.max(now, row.current.claimedAtMillis + row.verdictAfterMillis)
          store.rows.set(hex(key.hash), { ...row, recoverAtMillis: null, checkAtMillis })
        }),
      doubts: (limit) =>
        at((now) =>
          doubtsIn(store)
            .slice(0, limit)
            .map((row) => ({ ...doubtOf(row, now), request: null }))
        ),
      inspect: (name) =>
        Effect.sync(() =>
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
        )
    })
    return Context.make(Ledger, ledger).pipe(Context.add(ReceiptLog, logOf(store)))
  })
)

const noSql = refusing("The ledger in memory has no SQL: test a transactional capability on fibric/embedded.")
