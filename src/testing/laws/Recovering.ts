/**
 * Recovering: what the kernel would do for a doubt by itself, done after the call on the same server.
 */
import { Effect, Exit, Fiber, Option, Result } from "effect"
import type { Ask } from "../../kernel/Ask.ts"
import * as Evidence from "../../kernel/Evidence.ts"
import type { Call, Functions } from "../../kernel/Sealed.ts"
import * as Transaction from "../../kernel/Transaction.ts"
import * as TcpProxy from "../TcpProxy.ts"
import { type Cut, lostAnswersOf, ruleOf } from "./Cut.ts"
import type { Asked, Recovered } from "./Observation.ts"
import { longEnoughMillis, toldBy } from "./Stage.ts"
import type { Happened } from "./Subject.ts"

/** The trial as it stands when the call is over. */
export interface Recovering {
  readonly ask: Ask
  readonly call: Call
  readonly cut: Cut
  readonly functions: Functions
  readonly proxy: TcpProxy.TcpProxy
  readonly effects: Effect.Effect<ReadonlyArray<Happened>>
  /** Connections that were opened and used when the call had ended. */
  readonly later: number
  readonly maxBytes: number
  readonly heard: { readonly add: (where: string, value: unknown) => void }
}

/**
 * Does what the capability declares, where the kernel would: in doubt, and after a success too, for a
 * process may die before it has settled it.
 */
export const recover = Effect.fnUntraced(function* (
  trial: Recovering,
  claim: Evidence.Evidence
): Effect.fn.Return<Recovered | undefined> {
  const settled = claim._tag === "NotPerformed" || claim._tag === "Refused"
  if (settled) return undefined
  switch (trial.ask.capability.recovery._tag) {
    case "Resend":
      return yield* resend(trial)
    case "Lookup":
      return yield* lookUp(trial, claim)
    case "Hold":
      // A person decides: all that is to be seen is that nobody else does.
      return { _tag: "Left", connections: trial.later }
    case "Transactional":
    case "Replay":
      // Neither is called over a wire of its own.
      return undefined
  }
})

const resend = Effect.fnUntraced(function* (trial: Recovering): Effect.fn.Return<Recovered> {
  const { cut, effects } = trial
  const again = { ...longEnough(trial.call), attempt: trial.call.attempt + 1 }
  const claim = yield* sentAgain(trial, again)
  const after = yield* effects
  if (cut.connection !== 0) return { _tag: "Resent", claim, effects: after, renewed: undefined }
  // What the kernel's key rises to once it is proven that nothing was performed.
  yield* sentAgain(trial, { ...again, key: again.key.replace(/0$/, "1"), attempt: again.attempt + 1 })
  return { _tag: "Resent", claim, effects: after, renewed: (yield* effects).length }
})

const sentAgain = Effect.fnUntraced(function* (
  { ask, functions, heard, maxBytes }: Recovering,
  call: Call
): Effect.fn.Return<Evidence.Evidence> {
  const exit = yield* within(call, Transaction.none(functions.perform(ask.payload, call)))
  const claim = Option.match(exit, {
    onNone: () => Evidence.unknown(`no answer within ${call.deadlineMillis} ms`),
    onSome: (exit) => Evidence.fromExit(ask.capability, exit, maxBytes)
  })
  heard.add("the outcome of sending it again", claim)
  for (const told of toldBy(Option.getOrUndefined(exit))) heard.add("the end of sending it again", told)
  return claim
})

const lookUp = Effect.fnUntraced(function* (
  trial: Recovering,
  claim: Evidence.Evidence
): Effect.fn.Return<Recovered> {
  const { cut, effects, proxy } = trial
  const connectionsBefore = yield* proxy.connections
  const answer = yield* looked(trial, claim)
  if (cut.connection !== 0) return { _tag: "LookedUp", answer, cut: [], effects: (yield* effects).length }
  // Its own conversation, as if it were the first one on this wire.
  const packets = (yield* proxy.packets)
    .filter(({ connection }) => connection > connectionsBefore)
    .map((packet) => ({ ...packet, connection: packet.connection - connectionsBefore }))
  const cuts = [unreachable, ...lostAnswersOf(packets)]
  const answers: Array<readonly [string, Asked]> = []
  for (const lost of cuts) {
    const before = yield* proxy.connections
    yield* proxy.setRule((connection) => ruleOf(lost)(connection - before))
    answers.push([lost.name, yield* looked(trial, claim)])
  }
  yield* proxy.setRule(TcpProxy.pass)
  return { _tag: "LookedUp", answer, cut: answers, effects: (yield* effects).length }
})

const unreachable: Cut = {
  name: "cut at connect",
  connection: 1,
  rule: TcpProxy.cutAtConnect,
  kind: "breaks"
}

/** Asks once, and reads the answer as the kernel does. */
const looked = Effect.fnUntraced(function* (
  { ask, call, functions: { lookup }, heard, maxBytes }: Recovering,
  claim: Evidence.Evidence
): Effect.fn.Return<Asked> {
  // The types ask for one where `lookup` is declared.
  if (lookup === undefined) return "failed"
  const asking = longEnough(call)
  const exit = yield* within(asking, lookup(ask.payload, asking))
  if (Option.isNone(exit)) return "failed"
  const found = Evidence.fromLookup(ask.capability, exit.value, maxBytes)
  heard.add("what a lookup came to", Exit.isFailure(exit.value) ? exit.value.cause.reasons : found)
  if (Result.isFailure(found)) return "failed"
  if (found.success === null) return "nothing"
  const same = claim._tag !== "Performed" || claim.effectId === found.success.effectId
  return same ? "found" : "found another effect"
})

/** The wire lets everything through by now. */
const longEnough = (call: Call): Call => ({ ...call, deadlineMillis: longEnoughMillis(call) })

/** The end of a call within its deadline. One that has not ended is interrupted, and not waited for. */
const within = <A, E>(
  { deadlineMillis }: Call,
  use: Effect.Effect<A, E>
): Effect.Effect<Option.Option<Exit.Exit<A, E>>> =>
  Effect.gen(function* () {
    const calling = yield* Effect.forkDetach(use)
    const exit = yield* Effect.timeoutOption(Fiber.await(calling), deadlineMillis)
    if (Option.isNone(exit)) calling.interruptUnsafe()
    return exit
  })
