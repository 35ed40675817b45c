/**
 * Transaction: how a transactional call's end is read, and what a call that has no transaction is given
 * instead of one.
 */
import { Cause, Effect, Exit } from "effect"
import type { SqlClient } from "effect/sql"
import * as Evidence from "./Evidence.ts"
import type { Transacted } from "./Ledger.ts"
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

/** What is known when the transaction's call has ended, or has not within its deadline. */
export const outcomeOf = (
  exit: Exit.Exit<Transacted, unknown> | undefined,
  deadlineMillis: number
): Transacted => {
  if (exit === undefined) return rolledBack(`no commit within ${deadlineMillis} ms`)
  if (Exit.isSuccess(exit)) return exit.value
  const error = Cause.squash(exit.cause)
  return rolledBack(error instanceof Error ? error.message : String(error))
}

const rolledBack = (reason: string): Transacted => ({
  _tag: "RolledBack",
  evidence: Evidence.unknown(reason)
})
