/**
 * Wanted: whether an action at the head of its lane is still wanted, against the state as it now is, and
 * what it is then claimed on. The claim is bound to the version that is seen here; what changes in
 * between makes it ask again.
 */
import { Cause, Effect, Exit } from "effect"
import { NotPerformed } from "../domain/connector-errors.ts"
import type { LedgerUnavailable } from "../domain/errors.ts"
import type * as Guard from "../domain/Guard.ts"
import { mask } from "../domain/Secret.ts"
import { messageOf, storable } from "../domain/Text.ts"
import type { Ask } from "./Ask.ts"
import type * as Calls from "./Calls.ts"
import { Connectors } from "./Connectors.ts"
import { Inside } from "./Inside.ts"
import { type Basis, type EntityView, Ledger } from "./Ledger.ts"
import { open } from "./Sealed.ts"
import { Settings } from "./Settings.ts"
import { nextState, readState } from "./States.ts"

export type Found =
  /** `null`: nothing about it depends on the state. */
  | { readonly _tag: "Wanted"; readonly basis: Basis | null }
  | { readonly _tag: "Superseded"; readonly reason: string; readonly version: number }
  /** Nobody can tell. */
  | { readonly _tag: "GuardFailed"; readonly reason: string }
  | Exclude<EntityView["lane"], { readonly _tag: "LaneFree" }>

/** Whether anything about an action depends on its entity's state. */
export const dependsOnState = ({ capability: { becomes, guard }, decidedAt }: Ask): boolean =>
  guard !== undefined || becomes !== undefined || decidedAt !== undefined

export const make = Effect.fnUntraced(function* (calls: Calls.Calls) {
  const ledger = yield* Ledger
  const connectors = yield* Connectors
  const { turnMillis } = yield* Settings

  /** Asked in a fiber of its own, as a connector is: one that can't be interrupted holds nothing up. */
  const askGuard = Effect.fnUntraced(function* (
    { capability, key }: Ask,
    question: Guard.Question<unknown, unknown>
  ): Effect.fn.Return<Guard.Verdict, string> {
    const asked = connectors.holding(capability.name, (sealed) => {
      const guard = sealed && open(sealed, capability)?.guard
      return guard === undefined
        ? Effect.fail(
            new NotPerformed({
              proof: "never_started",
              reason: `no connector of this runtime carries out "${capability.name}"`
            })
          )
        : guard(question)
    })
    const call = yield* calls.start(Effect.provideService(asked, Inside, key))
    const exit = yield* calls.within(call, turnMillis)
    if (exit === undefined) {
      call.interruptUnsafe()
      return yield* Effect.fail(`its guard gave no answer within ${turnMillis} ms`)
    }
    return yield* Exit.isSuccess(exit)
      ? Effect.succeed(exit.value)
      : Effect.fail(`its guard failed: ${messageOf(Cause.squash(exit.cause))}`)
  })

  const decide = Effect.fnUntraced(function* (ask: Ask, view: EntityView): Effect.fn.Return<Found, string> {
    const { capability, decidedAt, key, payload } = ask
    const { version } = view
    if (decidedAt !== undefined && decidedAt !== version) {
      return {
        _tag: "Superseded",
        reason: `it was decided against version ${decidedAt}, and the state is at ${version}`,
        version
      }
    }
    const state = yield* Effect.fromResult(readState(capability.entity.shape, view.state))
    const { entity } = key
    if (capability.guard !== undefined) {
      const verdict = yield* askGuard(ask, { entity, state, version, payload })
      if (verdict._tag === "Superseded") {
        return { ...verdict, reason: storable(mask(verdict.reason, ask.secrets)), version }
      }
    }
    const becomes = yield* Effect.fromResult(nextState(capability, { entity, state, payload }))
    const stored = becomes && { ...becomes, json: mask(becomes.json, ask.secrets) }
    return { _tag: "Wanted", basis: { version, becomes: stored } }
  })

  /** Says so where the lane is not free, without asking. */
  const lookAndAsk = Effect.fnUntraced(function* (
    ask: Ask,
    worker: string
  ): Effect.fn.Return<Found, LedgerUnavailable> {
    const { capability, key, lane } = ask
    const view = yield* ledger.look(key, { lane, worker })
    if (view.lane._tag === "LaneBusy") return view.lane
    if (view.lane._tag === "LaneHeld" && !capability.passesDoubt) return view.lane
    return yield* Effect.catch(decide(ask, view), (reason: string) =>
      Effect.succeed<Found>({ _tag: "GuardFailed", reason: storable(mask(reason, ask.secrets)) })
    )
  })

  /** Looks at the entity and asks, where anything about the action depends on its state. */
  const find = (ask: Ask, worker: string): Effect.Effect<Found, LedgerUnavailable> =>
    dependsOnState(ask) ? lookAndAsk(ask, worker) : wantedAnyway

  return { find }
})

const wantedAnyway = Effect.succeed<Found>({ _tag: "Wanted", basis: null })
