/**
 * PgLedger: the ledger in Postgres, where the promise lives.
 *
 * Every transition is one autocommit statement, guarded by what it expects to find (the token, the
 * revision, the state) and repeatable: run again after an unknown commit it gives the same answer. The
 * lane and the flight are unique indexes, so that one action an entity is in flight whatever any process
 * believes.
 */
import type { PgClient } from "@effect/sql-pg"
import { Clock, Effect, Layer, Semaphore } from "effect"
import type { SqlError } from "effect/sql"
import { LedgerUnavailable } from "../domain/errors.ts"
import * as GroupCommit from "../kernel/GroupCommit.ts"
import { type Batch, Ledger, type Recorded } from "../kernel/Ledger.ts"
import { traced } from "../kernel/telemetry/Spans.ts"
import * as Calling from "./Calling.ts"
import * as Claim from "./claim.ts"
import { claimAll } from "./claims.ts"
import * as Doubts from "./doubts.ts"
import { detailOf, LedgerClient } from "./LedgerClient.ts"
import { inspect } from "./LedgerRow.ts"
import * as Line from "./line.ts"
import { readReceipts } from "./ReceiptRow.ts"
import * as Repeats from "./repeats.ts"
import * as Settle from "./settle.ts"
import { type Freed, notTogether, settleAll } from "./settlements.ts"
import * as Statements from "./statements.ts"
import { transact } from "./transact.ts"

/** How many transactional effects run at once: claims and settlements need connections too. */
const maxTransactions = 4

export const layer: Layer.Layer<Ledger, LedgerUnavailable, LedgerClient> = Layer.effect(
  Ledger,
  Effect.gen(function* () {
    const client = yield* LedgerClient
    const { confirmed, sql, together } = client
    const calling = yield* Calling.make(client)
    const pathSecret = yield* confirmed("read the ledger's secret", Statements.pathSecret(sql))
    const clock = yield* makeClock(sql)
    yield* confirmed("read the clock", clock.set)
    const transactions = yield* Semaphore.make(maxTransactions)

    const grouped = yield* GroupCommit.make({
      // It locks no row, and so it need not give up soon where somebody changes the table.
      findAll: (keys) => confirmed("find", Statements.findAll(sql, keys)),
      claimAll: (claims) =>
        confirmed(
          "claim",
          orElseAlone(claimAll(together, claims), () => claims.map(() => undefined))
        ),
      claim: (claim) => confirmed("claim", Claim.claim(sql, claim)),
      settleAll: (endings, sought) =>
        Effect.tap(
          confirmed(
            "settle",
            orElseAlone(settleAll(together, endings, sought), () => notTogether(endings))
          ),
          ({ ended }) => Effect.sync(() => ended.forEach(tell))
        ),
      settle: (ending) => told(confirmed("settle", Settle.settle(sql, ending)))
    })

    return Ledger.of({
      pathSecret,

      find: (key, pace) => traced("Ledger.find", grouped.find(key, pace)),

      claim: (claim) => traced("Ledger.claim", grouped.claim(claim)),

      resend: Effect.fn("Ledger.resend")((attempt) => confirmed("resend", Claim.resend(sql, attempt))),

      settle: (settlement) => traced("Ledger.settle", grouped.settle(settlement)),

      settleAndClaim: (settlement, next) =>
        traced("Ledger.settleAndClaim", grouped.settleAndClaim(settlement, next)),

      apply: Effect.fn("Ledger.apply")((key, event, receiptId) =>
        Effect.map(
          told(confirmed("apply", Settle.apply(sql, key, event, receiptId))),
          ({ applied }) => applied
        )
      ),

      look: Effect.fn("Ledger.look")((entity, place) => confirmed("look", Line.look(sql, entity, place))),

      queue: Effect.fn("Ledger.queue")((place, turnMillis) =>
        Effect.andThen(
          calling.listen(place.worker),
          Effect.map(confirmed("queue", Line.queue(sql, place, turnMillis)), ({ isTurn, tookAway }) => {
            if (tookAway) calling.freed({ lane: place.lane, isAwaited: true })
            return isTurn
          })
        )
      ),

      leave: Effect.fn("Ledger.leave")((place) =>
        Effect.andThen(
          confirmed("leave", Line.leave(sql, place)),
          Effect.sync(() => calling.freed({ lane: place.lane, isAwaited: true }))
        )
      ),

      called: calling.called,

      waitFor: Effect.fn("Ledger.waitFor")((waiting) =>
        // Two statements: what others noted meanwhile is seen by the second.
        confirmed("wait", Effect.andThen(Line.waitFor(sql, waiting), Line.closesCircle(sql, waiting)))
      ),

      waitNoMore: Effect.fn("Ledger.waitNoMore")((id) =>
        Effect.asVoid(confirmed("wait no more", Line.waitNoMore(sql, id)))
      ),

      // No bound of its own: the effect has a deadline, and its statements the connection's limits.
      transact: Effect.fn("Ledger.transact")((attempt, effect) =>
        transactions.withPermit(
          Effect.mapError(
            Effect.map(told(transact(sql, attempt, effect)), ({ transacted }) => transacted),
            ({ reason }) =>
              new LedgerUnavailable({ operation: "transact", reason: `${reason._tag}: ${detailOf(reason)}` })
          )
        )
      ),

      now: clock.now,

      record: (batch) => traced("Ledger.record", confirmed("record", recorded(batch))),

      // Over the connections where nobody waits for long: those for one row may all be waiting for rows that
      // somebody holds, and a lease that runs out behind them makes everything in flight here doubtful.
      beat: Effect.fn("Ledger.beat")((worker, leaseMillis) =>
        confirmed(
          "beat",
          Effect.map(Statements.beat(together, worker, leaseMillis), (rows) => rows.length > 0)
        )
      ),

      reap: Effect.fn("Ledger.reap")((receiptIds) =>
        confirmed(
          "reap",
          Effect.andThen(
            Effect.andThen(Statements.closeCalls(sql), Line.sweep(sql)),
            Effect.flatMap(Statements.reap(sql, receiptIds), readReceipts)
          )
        )
      ),

      takeDue: Effect.fn("Ledger.takeDue")((capabilities, limit, leaseMillis) =>
        confirmed("take doubts", Doubts.takeDue(sql, capabilities, limit, leaseMillis))
      ),

      leaveToPerson: Effect.fn("Ledger.leaveToPerson")((key, attempt) =>
        confirmed("leave a doubt", Effect.asVoid(Doubts.leaveToPerson(sql, key, attempt)))
      ),

      doubts: Effect.fn("Ledger.doubts")((limit) => confirmed("read doubts", Doubts.doubts(sql, limit))),

      inspect: Effect.fn("Ledger.inspect")((name) => confirmed("inspect", inspect(sql, name)))
    })

    /** What has freed a lane that others wait for is told to them. */
    function tell(ended: { readonly freed: Freed | null } | undefined): void {
      if (ended !== undefined && ended.freed !== null) calling.freed(ended.freed)
    }

    function told<A extends { readonly freed: Freed | null }, E>(statement: Effect.Effect<A, E>) {
      return Effect.tap(statement, (ended) => Effect.sync(() => tell(ended)))
    }

    /** Repeats that were written when the batch ran before are read back, to be told of all the same. */
    function recorded(batch: Batch): Effect.Effect<Recorded, SqlError.SqlError> {
      const ids = batch.repeats.map(({ receiptId }) => receiptId)
      return Effect.gen(function* () {
        const written = yield* Repeats.record(sql, batch)
        if (written.length > 0) {
          const known = new Set(written.map(({ id }) => id))
          return { _tag: "Recorded", receipts: written, moved: ids.filter((id) => !known.has(id)) }
        }
        const moved = yield* Repeats.movedOf(sql, batch)
        if (moved === undefined) {
          // This process took the ledger's clock for another: the next batch should know better.
          yield* clock.set
          return { _tag: "TooLate" }
        }
        return {
          _tag: "Recorded",
          receipts: yield* Effect.flatMap(Settle.receiptsById(sql, ids), readReceipts),
          moved
        }
      })
    }
  })
)

/** A row that fails does not fail its batch: each of them goes alone. Unless it is not known what was done. */
const orElseAlone = <A>(
  together: Effect.Effect<A, SqlError.SqlError>,
  nothingDone: () => A
): Effect.Effect<A, SqlError.SqlError> =>
  Effect.catchIf(
    together,
    ({ reason }) => reason._tag !== "ConnectionError",
    () => Effect.sync(nothingDone)
  )

/** The database's clock as it was read once, carried on by this process's own. */
const makeClock = Effect.fnUntraced(function* (sql: PgClient.PgClient) {
  let read = { millis: 0, atNanos: yield* Clock.monotonicTimeNanos }
  return {
    set: Effect.gen(function* () {
      const millis = yield* Statements.clock(sql)
      read = { millis, atNanos: yield* Clock.monotonicTimeNanos }
    }),
    now: Effect.map(
      Clock.monotonicTimeNanos,
      (nanos) => read.millis + Number(nanos - read.atNanos) / 1_000_000
    )
  }
})
