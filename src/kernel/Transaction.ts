/**
 * Transaction: how a transactional call runs inside of its transaction and how its end is read, and what a
 * call that has no transaction is given instead of one.
 */
import { Cause, Effect, Exit, Predicate } from "effect"
import { messageOf } from "../domain/Text.ts"
import type { SqlClient } from "effect/sql"
import * as SqlError from "effect/sql/SqlError"
import * as Evidence from "./Evidence.ts"
import type { Settlement, Transacted } from "./Ledger.ts"
import { LedgerTransaction } from "./LedgerTransaction.ts"

/** A client whose every use says why there is none. */
export const refusing = (sentence: string): SqlClient.SqlClient => {
  const refuse = (): never => {
    throw new Error(sentence)
  }
  // The type promises a client; whoever touches it learns that there is none.
  return new Proxy(refuse, {
    get: (_target, name) => (typeof name === "string" ? refuse() : undefined),
    apply: refuse
  }) as unknown as SqlClient.SqlClient
}

const refused = refusing("Bug: only a transactional capability has a transaction")

/** Runs a call that is not transactional: the types don't let it ask for a transaction. */
export const none = <A, E>(call: Effect.Effect<A, E, LedgerTransaction>): Effect.Effect<A, E> =>
  Effect.provideService(call, LedgerTransaction, refused)

/** What a transactional effect came to. */
export type Ended = Pick<Settlement, "evidence" | "durationMillis">

/**
 * The effect in an open transaction, up to its end. It is in a savepoint of its own: what it wrote before it
 * refused, or failed, is taken back here, and the transaction can still commit what it came to.
 */
export const within = (
  sql: SqlClient.SqlClient,
  effect: Effect.Effect<Ended, never, LedgerTransaction>
): Effect.Effect<Ended> =>
  Effect.provideService(effect, LedgerTransaction, sql).pipe(
    Effect.filterOrFail(
      ({ evidence }) => evidence._tag === "Performed",
      (ended) => ended
    ),
    sql.withTransaction,
    Effect.catch((error) => Effect.succeed(endOf(error))),
    // An effect that went on after one of its statements failed can't be taken back in part; and where the
    // connection is lost, the driver reports as a defect what the effect came to.
    Effect.catchCauseIf(
      (cause) => !Cause.hasInterrupts(cause),
      (cause) => Effect.succeed(endOf(Cause.squash(cause)))
    )
  )

/** What the effect came to, or that its transaction broke. */
const endOf = (error: unknown): Ended =>
  isEnded(error)
    ? error
    : { evidence: Evidence.unknown(`the transaction broke: ${wordsOf(error)}`), durationMillis: 0 }

const isEnded = (error: unknown): error is Ended => Predicate.hasProperty(error, "evidence")

/** What the database or the socket said, where it was one of them; the client's own message says little. */
export const wordsOf = (error: unknown): string => {
  const said = SqlError.isSqlError(error) ? error.reason.cause : error
  return Predicate.hasProperty(said, "message") ? String(said.message) : String(said)
}

/** What is known when the transaction's call has ended, or has not within its deadline. */
export const outcomeOf = (
  exit: Exit.Exit<Transacted, unknown> | undefined,
  deadlineMillis: number
): Transacted => {
  if (exit === undefined) return rolledBack(`no commit within ${deadlineMillis} ms`)
  if (Exit.isSuccess(exit)) return exit.value
  const error = Cause.squash(exit.cause)
  return rolledBack(messageOf(error))
}

const rolledBack = (reason: string): Transacted => ({
  _tag: "RolledBack",
  evidence: Evidence.unknown(reason)
})
