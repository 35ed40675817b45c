/**
 * Trial: one call of a connector's function over a wire that is cut, with a server of its own.
 *
 * The function is opened as the kernel does it, and called without the kernel's keys, lanes or retries:
 * what is seen is the connector's own doing. Its end is read by the kernel's own reading.
 */
import { Effect, Exit, Fiber, Scope } from "effect"
import * as Evidence from "../../kernel/Evidence.ts"
import * as Transaction from "../../kernel/Transaction.ts"
import * as TcpProxy from "../TcpProxy.ts"
import type { Cut } from "./Cut.ts"
import type { Observation } from "./Observation.ts"
import { type Recovering, recover } from "./Recovering.ts"
import * as Stage from "./Stage.ts"
import type { Server, SubjectUnfit, Triable } from "./Subject.ts"
import { listening } from "./Told.ts"
import * as TransactionTrial from "./TransactionTrial.ts"

/** Runs one trial. Fails where the subject itself does not work. */
export const run = Effect.fnUntraced(function* <C extends Triable, S extends Server>(
  plan: Stage.Plan<C, S>,
  cut: Cut
): Effect.fn.Return<Stage.Tried, SubjectUnfit> {
  const heard = listening()
  const { database } = plan.subject
  const trial =
    database === undefined ? called(plan, cut, heard) : TransactionTrial.run(plan, database, cut, heard)
  const tried = yield* Effect.provide(Effect.scoped(trial), heard.layer)
  // Spans have ended and layers have closed by now: what they told is heard too.
  return { ...tried, seen: { ...tried.seen, leaks: heard.leaks(plan.secrets) } }
})

const called = Effect.fnUntraced(function* <C extends Triable, S extends Server>(
  plan: Stage.Plan<C, S>,
  cut: Cut,
  heard: Stage.Heard
) {
  const { action, ask, subject, times } = plan
  const { effects, proxy, server, wire } = yield* Stage.wired(plan, cut)
  const house = yield* Stage.closeable
  const functions = yield* Stage.opened(plan, server, proxy.port, house)

  const deadlineMillis = cut.kind === "breaks" ? times.deadlineMillis : times.silenceMillis
  const call = Stage.callOf(ask, deadlineMillis)
  const calling = yield* Effect.forkDetach(Transaction.none(functions.perform(ask.payload, call)))
  yield* Effect.timeoutOption(Fiber.await(calling), deadlineMillis)
  const openedAtEnd = yield* proxy.connections
  const atEnd = yield* effects
  const saidAtEnd = yield* Stage.saidByClient(proxy)
  // A late answer is waited for: what the call makes of it is evidence, as the kernel listens for it.
  if (cut.kind === "late") yield* Effect.sleep(times.lateMillis + times.watchMillis)
  const exit = calling.pollUnsafe()
  const ended = exit === undefined ? yield* Stage.interrupted(calling) : "by itself"
  if (cut.kind !== "late") yield* Effect.sleep(times.watchMillis)

  const watched = yield* effects
  const spokeLate = (yield* Stage.saidByClient(proxy)) > saidAtEnd
  const packets = yield* proxy.packets
  const claim =
    exit === undefined
      ? Evidence.unknown(`no answer within ${deadlineMillis} ms`)
      : Evidence.fromExit(action.capability, exit, plan.maxBytes)
  heard.add("the outcome", claim)
  for (const told of Stage.toldBy(exit)) heard.add("the call's end", told)
  const lost = (yield* proxy.cuts) > 0

  yield* proxy.setRule(TcpProxy.pass)
  const later = Stage.usedIn(
    packets.filter(({ connection }) => connection > openedAtEnd),
    undefined
  )
  const trial = { ask, call, cut, effects, functions, heard, later, maxBytes: plan.maxBytes, proxy }
  const recovered = ended === "never" ? undefined : yield* recover(trial satisfies Recovering, claim)

  yield* Effect.timeoutOption(Scope.close(house, Exit.void), Stage.promptly)
  yield* Scope.close(wire, Exit.void)
  const atLast = yield* effects
  return {
    packets,
    seen: {
      cut,
      refused: action === subject.refused,
      fired: lost || cut.rule._tag === "Delay",
      claim,
      ended,
      effects: recovered?._tag === "Resent" ? watched.length : atLast.length,
      begunLate: spokeLate ? watched.length - atEnd.length : 0,
      connections: Stage.usedIn(packets, lost ? cut.connection : undefined),
      secrets: plan.secrets.length,
      leaks: [],
      recovered
    } satisfies Observation
  }
})
