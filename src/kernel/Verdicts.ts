/**
 * Verdicts: what a person says about a key in doubt. Nothing else may settle a doubt that neither
 * late evidence nor the capability's declared recovery can.
 */
import { Context, Effect, Layer, Result } from "effect"
import type { Action } from "../domain/Action.ts"
import type * as Capability from "../domain/Capability.ts"
import { InvalidPayload, VerdictRefused } from "../domain/errors.ts"
import * as Identifiers from "../domain/Identifiers.ts"
import * as Operator from "../domain/Operator.ts"
import type { Performed } from "../domain/Receipt.ts"
import { storable } from "../domain/Text.ts"
import * as Answer from "./Answer.ts"
import * as Ask from "./Ask.ts"
import { confirmRetry } from "./Dispatch.ts"
import { encodeBody } from "./Evidence.ts"
import { Ledger } from "./Ledger.ts"
import { Settings } from "./Settings.ts"

/** What a person found out about one attempt. */
export interface Happened<Output> {
  /** The attempt that the verdict is about, as the doubt named it: a later one is not settled by it. */
  readonly attempt: number
  /** How the person knows. Stored on the receipt; cut at 2,000 characters. */
  readonly reason: string
  /** What the provider gave, where it is known; repeats get it. */
  readonly output?: Output
}

export class Verdicts extends Context.Service<
  Verdicts,
  {
    /**
     * It happened: settles the key as performed, in the name of the current operator. Durable when
     * it returns, and every repeat gets this receipt. Fails with `VerdictRefused` if the key is not
     * in doubt on that attempt any more.
     */
    readonly itHappened: <C extends Capability.Any>(
      action: Action<C>,
      verdict: Happened<C["success"]["Type"]>
    ) => Effect.Effect<
      Performed<C["success"]["Type"]>,
      VerdictRefused | Ask.Rejection | LedgerFailure | Answer.Unreadable | C["error"]["Type"]
    >
  }
>()("fibric/kernel/Verdicts") {}

type LedgerFailure = Effect.Error<ReturnType<Ledger["Service"]["find"]>>

export const layer: Layer.Layer<Verdicts, never, Ledger> = Layer.effect(
  Verdicts,
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const settings = yield* Settings

    const itHappened = Effect.fn("Verdicts.itHappened")(function* <C extends Capability.Any>(
      action: Action<C>,
      verdict: Happened<C["success"]["Type"]>
    ) {
      const operator = yield* Operator.Current
      const { fingerprint, key } = yield* Effect.fromResult(Ask.read(action, operator, settings))
      const body = yield* Effect.fromResult(
        encodeOutput(action.capability, verdict.output, settings.maxOutputBytes)
      )
      const { attempt } = verdict
      const seen = yield* Effect.retry(ledger.find(key), confirmRetry)
      if (seen !== undefined && seen.fingerprint !== fingerprint) {
        return yield* new VerdictRefused({ key: key.label, attempt, found: "an action with another payload" })
      }
      const receiptId = yield* Identifiers.ordered
      const statement = ledger.resolveHappened({
        key,
        attempt,
        receiptId,
        operator,
        reason: storable(verdict.reason),
        body
      })
      const answer = yield* Effect.retry(statement, confirmRetry)
      if (answer._tag === "Settled") return yield* Answer.read(action.capability, answer.receipt)
      const entry = yield* Effect.retry(ledger.find(key), confirmRetry)
      const found = entry === undefined ? "no such key" : `${entry.state}, attempt ${entry.attempt}`
      return yield* new VerdictRefused({ key: key.label, attempt, found })
    })

    return Verdicts.of({ itHappened })
  })
)

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
