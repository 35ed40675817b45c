/**
 * Transacting: a transaction of the kernel's as a trial makes it, and what became of it.
 *
 * It is made as the ledger makes it (`src/postgres/transact.ts`): first what names it, then the effect in a
 * savepoint, then the commit. What the ledger reads off the key's row, which settles in the same commit, is
 * asked of the server here: whether the transaction of this number was committed. So a commit whose answer
 * was lost is resolved, and never guessed.
 */
import { Duration, Effect, Option } from "effect"
import { SqlError, type SqlClient } from "effect/sql"
import * as Evidence from "../../kernel/Evidence.ts"
import { type Ended, within, wordsOf } from "../../kernel/Transaction.ts"
import type { LedgerTransaction } from "../../kernel/LedgerTransaction.ts"

/** How far a transaction has come. */
export interface Progress {
  /** Its number; `undefined` where nothing was heard of it, and so nothing was done in it. */
  number: string | undefined
  /** What it committed to; `undefined` before the commit was sent. Without it nothing can be there. */
  committing: Evidence.Evidence | undefined
}

/** What became of a transaction. */
export type Fate = "committed" | "rolled back" | "still open"

/** Why everything is taken back: the failure that rolls the transaction back. */
class TakenBack {
  readonly evidence: Evidence.Evidence

  constructor(evidence: Evidence.Evidence) {
    this.evidence = evidence
  }
}

const rolledBack = (reason: string): Evidence.Evidence => ({
  _tag: "NotPerformed",
  proof: "rolled_back",
  reason
})

/**
 * Lets the effect work in a transaction and commits it. What the kernel makes of its end: what it came to,
 * where the commit was confirmed; that nothing was performed, where it was taken back; unknown, where the
 * commit's answer was lost.
 */
export const transact = (
  sql: SqlClient.SqlClient,
  progress: Progress,
  effect: Effect.Effect<Ended, never, LedgerTransaction>
): Effect.Effect<Evidence.Evidence> =>
  Effect.gen(function* () {
    const [row] = yield* sql<{ number: string }>`
      SELECT pg_current_xact_id()::text AS number`.withoutTransform
    progress.number = row?.number
    const { evidence } = yield* within(sql, effect)
    if (evidence._tag === "NotPerformed") return yield* Effect.fail(new TakenBack(evidence))
    if (evidence._tag === "Unknown") {
      return yield* Effect.fail(new TakenBack(rolledBack(evidence.reason)))
    }
    progress.committing = evidence
    return evidence
  }).pipe(
    sql.withTransaction,
    // A connection that is lost fails the rollback too: the driver reports both of them as defects.
    Effect.catchDefect((defect) =>
      defect instanceof TakenBack || SqlError.isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect)
    ),
    Effect.catch((ended) => {
      if (ended instanceof TakenBack) return Effect.succeed(ended.evidence)
      const reason = wordsOf(ended)
      return Effect.succeed(progress.committing === undefined ? rolledBack(reason) : Evidence.unknown(reason))
    })
  )

/** A transaction whose connection is gone ends when the server has noticed. */
const patience = Duration.seconds(5)

/** Asks the server what became of a transaction, until it has ended. */
export const fateOf = (
  sql: SqlClient.SqlClient,
  { number }: Progress
): Effect.Effect<Fate, SqlError.SqlError> =>
  number === undefined
    ? Effect.succeed("rolled back")
    : sql<{ status: string }>`
        SELECT pg_xact_status(${number}::text::xid8) AS status`.withoutTransform.pipe(
        Effect.repeat({ until: ([row]) => row?.status !== "in progress" }),
        Effect.timeoutOption(patience),
        Effect.map(
          Option.match({
            onNone: (): Fate => "still open",
            onSome: ([row]): Fate => (row?.status === "committed" ? "committed" : "rolled back")
          })
        )
      )
