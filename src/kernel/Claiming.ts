/**
 * Claiming: an attempt's claim, from its token to the ledger's word on it.
 *
 * The token is known here before the claim is sent. What was not confirmed is given up, so that it never
 * starts here whatever is heard of it later.
 */
import { Clock, Context, Effect, Schedule } from "effect"
import type * as Capability from "../domain/Capability.ts"
import type { LedgerUnavailable } from "../domain/errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import type { IdempotencyKey } from "../domain/IdempotencyKey.ts"
import * as Identifiers from "../domain/Identifiers.ts"
import type { Ask } from "./Ask.ts"
import { type Basis, type Claim, type ClaimVerdict, Ledger } from "./Ledger.ts"
import { retried } from "./Retrying.ts"
import { Settings } from "./Settings.ts"
import { type Attempt, Workers } from "./Workers.ts"

/** How often a statement with no answer is repeated before it counts as unconfirmed. */
export const confirmRetry = Schedule.exponential("50 millis").pipe(Schedule.upTo({ times: 5 }))

/** What a new attempt is claimed for. */
export interface Subject {
  readonly capability: Capability.Any
  readonly key: IdempotencyKey
  readonly lane: Uint8Array
}

/** A claim that is ready to be sent. */
export interface Prepared {
  readonly attempt: Attempt
  readonly claim: Claim
}

/** A claim that was sent along with the settlement before it. */
export interface Along extends Prepared {
  /** Set where the ledger has said so; else it has to be asked. */
  claimed: (ClaimVerdict & { readonly _tag: "Claimed" }) | undefined
  /** Whether a copy of it may have landed unheard. */
  mayHaveLanded: boolean
}

export const make = Effect.gen(function* () {
  const ledger = yield* Ledger
  const workers = yield* Workers
  const settings = yield* Settings

  const begin = (
    { capability, key, lane }: Subject,
    seenAttempt: number,
    startWithinMillis: number,
    stateOf: Uint8Array | null
  ): Effect.Effect<Attempt> =>
    Effect.flatMap(workers.incarnation, (worker) =>
      Effect.contextWith((context: Context.Context<never>) =>
        Effect.succeed({
          stateOf,
          key,
          lane,
          token: Identifiers.tokenIn(context),
          worker,
          seenAttempt,
          claimSentNanos: Context.get(context, Clock.Clock).monotonicTimeNanosUnsafe(),
          doubtAfterMillis: capability.deadlineMillis + settings.doubtMarginMillis,
          startWithinMillis
        })
      )
    )

  /** An unknown commit is settled by running the same statement again, never by reading. */
  const confirm = Effect.fnUntraced(function* <Verdict extends { readonly _tag: string }>(
    attempt: Attempt,
    sentBefore: boolean,
    statement: Effect.Effect<Verdict, LedgerUnavailable>
  ) {
    let tries = sentBefore ? 1 : 0
    const tried = Effect.suspend(() => {
      tries += 1
      return statement
    })
    const verdict = yield* Effect.tapError(retried(tried, confirmRetry), () => workers.giveUp(attempt))
    // An earlier copy may have landed unheard, and been called doubtful since.
    if (tries > 1 && verdict._tag !== "Claimed") yield* workers.giveUp(attempt)
    return verdict
  })

  /** The claim of an ask, on the state that it was decided on. */
  const prepare = (ask: Ask, seenAttempt: number, basis: Basis | null): Effect.Effect<Prepared> => {
    const changes = basis !== null && basis.becomes !== null
    const begun = begin(ask, seenAttempt, Infinity, changes ? ask.key.entityHash : null)
    return Effect.map(begun, (attempt) => ({ attempt, claim: claimOf(ask, attempt, basis) }))
  }

  const claimOf = (ask: Ask, attempt: Attempt, basis: Basis | null): Claim => {
    const { capability, fingerprint, operator, request, root } = ask
    const { doubtAfterMillis, key, lane, seenAttempt, token, worker } = attempt
    return {
      key,
      lane,
      token,
      worker,
      seenAttempt,
      doubtAfterMillis,
      operator,
      fingerprint,
      paths: {
        ...Fingerprint.pathHashes(ask.bound, ledger.pathSecret),
        ...Fingerprint.contentHashes(ask.content, ledger.pathSecret)
      },
      doubtHoldsLane: capability.doubtHoldsLane,
      passesDoubt: capability.passesDoubt,
      basis,
      root: root && { hash: root.key.hash, token: root.token },
      recovery: capability.recovery,
      deadlineMillis: capability.deadlineMillis,
      request
    }
  }

  const claim = ({ attempt, claim }: Prepared, sentBefore = false) =>
    confirm(attempt, sentBefore, ledger.claim(claim))

  /** Claimed inside the window less its margin, so it must start within the margin. */
  const claimAgain = Effect.fnUntraced(function* (
    subject: Subject,
    seenAttempt: number,
    marginMillis: number
  ) {
    const attempt = yield* begin(subject, seenAttempt, marginMillis, null)
    return { attempt, verdict: yield* confirm(attempt, false, ledger.resend(attempt)) }
  })

  return { prepare, claim, claimAgain }
})
