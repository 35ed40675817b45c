/**
 * transact: an effect in the ledger's own database, in one transaction with its settlement.
 *
 * The key's row is locked by the attempt's token first, then comes the effect, then the settlement. Who
 * can lock the row knows that no earlier copy of this transaction is still open: it has committed, and
 * the row says so, or it never will.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Predicate } from "effect"
import type { SqlError } from "effect/sql"
import type { Ledger, Transacted } from "../kernel/Ledger.ts"
import * as Transaction from "../kernel/Transaction.ts"
import { inTransaction } from "./inTransaction.ts"
import { readReceipts } from "./ReceiptRow.ts"
import { receiptsById, settle } from "./settle.ts"
import type { Freed } from "./settlements.ts"

type Attempt = Parameters<Ledger["Service"]["transact"]>[0]
type Work = Parameters<Ledger["Service"]["transact"]>[1]

/** Why everything is taken back: the failure that rolls the transaction back, and its answer. */
interface TakenBack {
  readonly _tag: "TakenBack"
  readonly end: Transacted
}

const isTakenBack = (error: unknown): error is TakenBack => Predicate.isTagged(error, "TakenBack")

const takeBack = (end: Transacted) => Effect.fail<TakenBack>({ _tag: "TakenBack", end })

const fenced: Transacted = { _tag: "Fenced" }

/** Runs the effect and settles it, or takes everything back. */
export const transact = (
  sql: PgClient.PgClient,
  attempt: Attempt,
  effect: Work
): Effect.Effect<{ readonly transacted: Transacted; readonly freed: Freed | null }, SqlError.SqlError> =>
  Effect.gen(function* () {
    const locked = yield* lock(sql, attempt)
    const [before] = yield* Effect.flatMap(receiptsById(sql, [attempt.receiptId]), readReceipts)
    if (before !== undefined) return unheard({ _tag: "Settled", receipt: before })
    if (locked.length === 0) return unheard(fenced)
    const ended = yield* Transaction.within(sql, effect)
    const { evidence } = ended
    if (evidence._tag !== "Performed" && evidence._tag !== "Refused") {
      return yield* takeBack({ _tag: "RolledBack", evidence })
    }
    const { applied, freed } = yield* settle(sql, { settlement: { ...attempt, ...ended }, next: undefined })
    return applied._tag === "Settled" ? { transacted: applied, freed } : yield* takeBack(fenced)
  }).pipe(
    (statements) => inTransaction(sql, statements),
    // Where the connection is lost, the driver reports this as a defect, too.
    Effect.catchDefect((defect) => (isTakenBack(defect) ? Effect.fail(defect) : Effect.die(defect))),
    Effect.catchTag("TakenBack", ({ end }) => Effect.succeed(unheard(end)))
  )

/** What frees no lane that somebody could be told of: they look by themselves. */
const unheard = (transacted: Transacted) => ({ transacted, freed: null })

/** The state that the effect will change first, as everybody does; then the key's row, by its token. */
const lock = (sql: PgClient.PgClient, { key, token }: Attempt) =>
  Effect.andThen(
    sql`
      SELECT 1 FROM fibric.entity WHERE entity_hash = (
        SELECT state_of FROM fibric.ledger WHERE key_hash = ${key.hash}::bytea AND token = ${token}::uuid
      ) FOR UPDATE`,
    sql`
      SELECT 1 FROM fibric.ledger
      WHERE key_hash = ${key.hash}::bytea AND token = ${token}::uuid AND state = 'performing'
      FOR UPDATE`
  )
