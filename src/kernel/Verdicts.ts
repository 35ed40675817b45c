/**
 * Verdicts: what a person says about a key that neither late evidence nor the declared recovery has
 * settled, or about a refusal that is to be asked for again. By name, with a reason, and about one
 * attempt: a verdict on an attempt that has been followed by another is refused.
 */
import { Context, Effect, Layer, Result } from "effect"
import type { Action } from "../domain/Action.ts"
import type * as Capability from "../domain/Capability.ts"
import { type InvalidOperator, InvalidPayload, type LedgerUnavailable } from "../domain/errors.ts"
import type { Rejection } from "../domain/execute-error.ts"
import type { IdempotencyKey } from "../domain/IdempotencyKey.ts"
import * as Identifiers from "../domain/Identifiers.ts"
import * as Operator from "../domain/Operator.ts"
import type { Performed, Receipt } from "../domain/Receipt.ts"
import { storable } from "../domain/Text.ts"
import { VerdictRefused, VerdictTooEarly, VerdictUnsigned } from "../domain/verdict-errors.ts"
import * as Answer from "./Answer.ts"
import * as Ask from "./Ask.ts"
import { confirmRetry } from "./Claiming.ts"
import { encodeBody } from "./Evidence.ts"
import { Ledger } from "./Ledger.ts"
import type { Ruling } from "./lifecycle/KeyRow.ts"
import { Settings } from "./Settings.ts"

/** What a person found out about one attempt. */
export interface Verdict {
  /** The attempt that the verdict is about, as the doubt named it: a later one is not settled by it. */
  readonly attempt: number
  /** How the person knows; not empty. Stored on the receipt; cut at 2,000 characters. */
  readonly reason: string
}

export interface Happened<Output> extends Verdict {
  /** What the provider gave, where it is known; repeats get it. */
  readonly output?: Output
}

export interface DidNotHappen extends Verdict {
  /** Says it although the request may still be on its way. Default: false. */
  readonly force?: boolean
}

/** Why a verdict was not recorded. */
export type Refused = VerdictRefused | VerdictUnsigned | InvalidOperator | LedgerUnavailable

export class Verdicts extends Context.Service<
  Verdicts,
  {
    /**
     * It happened: settles the key as done, in the name of the current operator, whatever was known
     * of it before. Durable when it returns, and every repeat gets this receipt. Fails with
     * `VerdictRefused` where the key is done already, or is on another attempt. As every verdict, it
     * fails with `VerdictUnsigned` where nobody is named with `Operator.as`, or no reason is given.
     */
    readonly itHappened: <C extends Capability.Any>(
      action: Action<C>,
      verdict: Happened<C["success"]["Type"]>
    ) => Effect.Effect<
      Performed<C["success"]["Type"]>,
      Refused | Rejection | Answer.Unreadable | C["error"]["Type"]
    >
    /**
     * It did not happen, and may be asked for again: the key is free. Testimony: the provider sees the
     * same key as before. Fails with `VerdictTooEarly` while the request may still be on its way.
     */
    readonly release: (
      key: IdempotencyKey,
      verdict: DidNotHappen
    ) => Effect.Effect<Receipt, Refused | VerdictTooEarly>
    /** It is given up: the key is spent, and never performed. Too early as for `release`. */
    readonly abandon: (
      key: IdempotencyKey,
      verdict: DidNotHappen
    ) => Effect.Effect<Receipt, Refused | VerdictTooEarly>
    /** A refusal may be asked for again, under a new key at the provider. */
    readonly reopen: (key: IdempotencyKey, verdict: Verdict) => Effect.Effect<Receipt, Refused>
  }
>()("fibric/kernel/Verdicts") {}

export const layer: Layer.Layer<Verdicts, never, Ledger> = Layer.effect(
  Verdicts,
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const settings = yield* Settings

    const itHappened = Effect.fn("Verdicts.itHappened")(function* <C extends Capability.Any>(
      action: Action<C>,
      verdict: Happened<C["success"]["Type"]>
    ) {
      const { fingerprint, key } = yield* Effect.fromResult(
        Ask.read(action, yield* Operator.Current, settings)
      )
      const body = yield* Effect.fromResult(
        encodeOutput(action.capability, verdict.output, settings.maxOutputBytes)
      )
      const seen = yield* Effect.retry(ledger.find(key), confirmRetry)
      if (seen !== undefined && seen.fingerprint !== fingerprint) {
        const { attempt } = verdict
        return yield* new VerdictRefused({ key: key.label, attempt, found: "an action with another payload" })
      }
      const receipt = yield* Effect.catchTag(
        ruled(ledger, key, { _tag: "ItHappened", body }, verdict),
        "VerdictTooEarly",
        () => Effect.die("Bug: that something happened is never too early to say")
      )
      return yield* Answer.read(action.capability, receipt)
    })

    return Verdicts.of({
      itHappened,
      release: Effect.fn("Verdicts.release")((key, verdict) =>
        ruled(ledger, key, { _tag: "Release" }, verdict)
      ),
      abandon: Effect.fn("Verdicts.abandon")((key, verdict) =>
        ruled(ledger, key, { _tag: "Abandon" }, verdict)
      ),
      reopen: Effect.fn("Verdicts.reopen")((key, verdict) =>
        Effect.catchTag(ruled(ledger, key, { _tag: "Reopen" }, verdict), "VerdictTooEarly", () =>
          Effect.die("Bug: a refusal is never too early to reopen")
        )
      )
    })
  })
)

/** Records a ruling in the name of the current operator. */
export const ruled = Effect.fnUntraced(function* (
  ledger: Ledger["Service"],
  key: IdempotencyKey,
  ruling: Ruling,
  { attempt, force = false, reason }: DidNotHappen
): Effect.fn.Return<Receipt, Refused | VerdictTooEarly> {
  const operator = yield* Operator.Current
  yield* Effect.fromResult(Ask.checkOperator(operator))
  const missing = operator === Operator.unnamed ? "name" : reason.trim() === "" ? "reason" : undefined
  if (missing !== undefined) return yield* new VerdictUnsigned({ key: key.label, attempt, missing })
  const receiptId = yield* Identifiers.ordered
  const event = { _tag: "Ruling", attempt, ruling, operator, reason: storable(reason), force } as const
  const applied = yield* Effect.retry(ledger.apply(key, event, receiptId), confirmRetry)
  if (applied._tag === "Settled") return applied.receipt
  if (applied._tag === "Kept") return yield* Effect.die("Bug: a verdict that settles nothing")
  return yield* applied.why === "too_early"
    ? new VerdictTooEarly({ key: key.label, attempt, notBefore: applied.notBefore })
    : new VerdictRefused({ key: key.label, attempt, found: applied.found })
})

const encodeOutput = (
  capability: Capability.Any,
  output: unknown,
  maxBytes: number
): Result.Result<string | null, InvalidPayload> =>
  output === undefined
    ? Result.succeed(null)
    : Result.mapError(
        encodeBody(capability.success, output, maxBytes),
        (detail) =>
          new InvalidPayload({
            capability: capability.name,
            problem: "does_not_fit",
            detail: `the output given with the verdict can't be recorded: ${detail}`
          })
      )
