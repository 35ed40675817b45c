/**
 * PgLedger: the ledger in Postgres, where the promise lives.
 *
 * Every transition is one autocommit statement, guarded by what it expects to find (the token, the
 * attempt, the state) and repeatable: run again after an unknown commit it gives the same answer. The
 * lane is a unique index, so that one action an entity is in flight whatever any process believes.
 */
import { Effect, Layer } from "effect"
import type { SqlError } from "effect/sql"
import type { LedgerUnavailable } from "../domain/errors.ts"
import { Ledger, type Repeat, type SettleVerdict } from "../kernel/Ledger.ts"
import * as Claim from "./claim.ts"
import { LedgerClient } from "./LedgerClient.ts"
import { readReceipts } from "./ReceiptRow.ts"
import * as Statements from "./statements.ts"

export const layer: Layer.Layer<Ledger, LedgerUnavailable, LedgerClient> = Layer.effect(
  Ledger,
  Effect.gen(function* () {
    const { confirmed, sql } = yield* LedgerClient
    const pathSecret = yield* confirmed("read the ledger's secret", Statements.pathSecret(sql))

    return Ledger.of({
      pathSecret,

      find: Effect.fn("Ledger.find")((key) => confirmed("find", Statements.find(sql, key))),

      claim: Effect.fn("Ledger.claim")((claim) => confirmed("claim", Claim.claim(sql, claim))),

      settle: Effect.fn("Ledger.settle")((settlement) =>
        confirmed(
          "settle",
          Effect.flatMap(Statements.settle(sql, settlement), (rows) => settled(rows, settlement.receiptId))
        )
      ),

      record: Effect.fn("Ledger.record")((repeats) =>
        confirmed("record", Effect.flatMap(recorded(repeats), readReceipts))
      ),

      resolveHappened: Effect.fn("Ledger.resolveHappened")((verdict) =>
        confirmed(
          "resolve",
          Effect.flatMap(Statements.resolveHappened(sql, verdict), (rows) => settled(rows, verdict.receiptId))
        )
      ),

      beat: Effect.fn("Ledger.beat")((worker, leaseMillis) =>
        confirmed(
          "beat",
          Effect.map(Statements.beat(sql, worker, leaseMillis), (rows) => rows.length > 0)
        )
      ),

      reap: Effect.fn("Ledger.reap")((receiptIds) =>
        confirmed("reap", Effect.flatMap(Statements.reap(sql, receiptIds), readReceipts))
      )
    })

    /** Repeats that were written when the batch ran before are read back, to be told of all the same. */
    function recorded(repeats: ReadonlyArray<Repeat>) {
      return Effect.filterOrElse(
        Statements.record(sql, repeats),
        (written) => written.length === repeats.length,
        () =>
          Statements.receiptsById(
            sql,
            repeats.map(({ receiptId }) => receiptId)
          )
      )
    }

    /** A statement that moved nothing may have moved it when it ran before: its receipt says so. */
    function settled(
      rows: ReadonlyArray<unknown>,
      receiptId: string
    ): Effect.Effect<SettleVerdict, SqlError.SqlError> {
      return Effect.gen(function* () {
        const written = rows.length > 0 ? rows : yield* Statements.receiptsById(sql, [receiptId])
        const [receipt] = yield* readReceipts(written)
        return receipt === undefined ? { _tag: "NotYours" } : { _tag: "Settled", receipt }
      })
    }
  })
)
