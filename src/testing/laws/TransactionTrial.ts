/**
 * TransactionTrial: one call of a transactional capability's function, in a transaction whose wire is cut.
 *
 * The transaction is the trial's, as it is the kernel's: its connection is lost, and the connector has nothing
 * to lose. What the connector does by any other way goes over a wire of its own, which is counted and loses
 * nothing. After the call the server is asked what became of the transaction, and where it was rolled back
 * the call is made anew, as the kernel does it.
 */
import { Cause, Effect, Exit, Fiber, Scope } from "effect"
import type { SqlClient } from "effect/sql"
import * as Evidence from "../../kernel/Evidence.ts"
import type { Call, Functions } from "../../kernel/Sealed.ts"
import * as TcpProxy from "../TcpProxy.ts"
import type { Cut } from "./Cut.ts"
import type { Observation, Recovered } from "./Observation.ts"
import * as Stage from "./Stage.ts"
import type { Database, Happened, Server, SubjectUnfit, Triable } from "./Subject.ts"
import { fateOf, type Progress, transact } from "./Transacting.ts"

/** Runs one trial. Fails where the subject itself does not work. */
export const run = Effect.fnUntraced(function* <C extends Triable, S extends Server>(
  plan: Stage.Plan<C, S>,
  database: Database<S>["database"],
  cut: Cut,
  heard: Stage.Heard
) {
  const { action, ask, subject, times } = plan
  const { effects, proxy, server, wire } = yield* Stage.wired(plan, cut)
  const aside = yield* TcpProxy.make(server)
  const house = yield* Stage.closeable
  const functions = yield* Stage.opened(plan, server, aside.port, house)
  const connected = (port: number) =>
    Effect.mapError(database({ host: "127.0.0.1", port }, server), (error) =>
      Stage.unfit(subject, `its database can't be reached (${Stage.sentenceOf(error)})`)
    )
  const sql = yield* Scope.provide(connected(proxy.port), house)

  const deadlineMillis = cut.kind === "breaks" ? times.deadlineMillis : times.silenceMillis
  const call = Stage.callOf(ask, deadlineMillis)
  const progress: Progress = { number: undefined, committing: undefined }
  const calling = yield* Effect.forkDetach(transact(sql, progress, performing(plan, functions, call, heard)))
  yield* Effect.timeoutOption(Fiber.await(calling), deadlineMillis)
  const atEnd = yield* effects
  const saidAtEnd = yield* Stage.saidByClient(aside)
  const packets = yield* proxy.packets
  const exit = calling.pollUnsafe()
  // At the deadline the kernel gives the transaction up, and the server ends it: nobody waits on a dead wire.
  if (exit === undefined) calling.interruptUnsafe()
  yield* Scope.close(wire, Exit.void)
  const ended = exit === undefined ? yield* Stage.interrupted(calling) : "by itself"
  yield* Effect.sleep(times.watchMillis)

  const watched = yield* effects
  const spokeLate = (yield* Stage.saidByClient(aside)) > saidAtEnd
  const connections = Stage.usedIn(yield* aside.packets, undefined)
  const claim = claimOf(exit, call)
  heard.add("the outcome", claim)
  const lost = (yield* proxy.cuts) > 0

  const healed = yield* connected((yield* TcpProxy.make(server)).port)
  const next = ended === "never" ? undefined : anew(plan, healed, functions, call, heard)
  const recovered = yield* resolved(subject, healed, progress, effects, next)
  yield* Effect.timeoutOption(Scope.close(house, Exit.void), Stage.promptly)
  return {
    packets,
    seen: {
      cut,
      refused: action === subject.refused,
      fired: lost || cut.rule._tag === "Delay",
      claim,
      ended,
      effects: recovered.effects,
      begunLate: spokeLate ? watched.length - atEnd.length : 0,
      connections,
      secrets: plan.secrets.length,
      leaks: [],
      recovered
    } satisfies Observation
  }
})

/** What has become of the transaction, and of the next attempt where it was rolled back. */
const resolved = Effect.fnUntraced(function* (
  subject: { readonly name: string },
  sql: SqlClient.SqlClient,
  progress: Progress,
  effects: Effect.Effect<ReadonlyArray<Happened>>,
  next: Effect.Effect<Evidence.Evidence> | undefined
): Effect.fn.Return<Extract<Recovered, { _tag: "Transacted" }>, SubjectUnfit> {
  const fate = yield* Effect.mapError(fateOf(sql, progress), (error) =>
    Stage.unfit(subject, `its database does not say what became of a transaction (${error.message})`)
  )
  // The transaction has ended by now, however long the server took to notice.
  const { length } = yield* effects
  if (fate !== "rolled back" || next === undefined) {
    return { _tag: "Transacted", fate, effects: length, again: undefined }
  }
  const claim = yield* next
  return {
    _tag: "Transacted",
    fate,
    effects: length,
    again: { claim, effects: (yield* effects).length }
  }
})

/** What is known of a transaction that has ended, or has not within its deadline. */
const claimOf = (
  exit: Exit.Exit<Evidence.Evidence> | undefined,
  { deadlineMillis }: Call
): Evidence.Evidence => {
  if (exit === undefined) return Evidence.unknown(`no commit within ${deadlineMillis} ms`)
  return Exit.isSuccess(exit) ? exit.value : Evidence.unknown(String(Cause.squash(exit.cause)))
}

/** The connector's function, and its end as the kernel reads it. */
const performing = <C extends Triable, S extends Server>(
  { action, ask, maxBytes }: Stage.Plan<C, S>,
  functions: Functions,
  call: Call,
  heard: Stage.Heard
) =>
  Effect.map(Effect.exit(functions.perform(ask.payload, call)), (exit) => {
    for (const told of Stage.toldBy(exit)) heard.add("the call's end", told)
    return { evidence: Evidence.fromExit(action.capability, exit, maxBytes), durationMillis: 0 }
  })

/** The next attempt after a rollback, on a wire that loses nothing. */
const anew = Effect.fnUntraced(function* <C extends Triable, S extends Server>(
  plan: Stage.Plan<C, S>,
  sql: SqlClient.SqlClient,
  functions: Functions,
  call: Call,
  heard: Stage.Heard
) {
  const next = {
    ...call,
    key: call.key.replace(/0$/, "1"),
    attempt: call.attempt + 1,
    deadlineMillis: Stage.longEnoughMillis(call)
  }
  const progress: Progress = { number: undefined, committing: undefined }
  const calling = yield* Effect.forkDetach(transact(sql, progress, performing(plan, functions, next, heard)))
  yield* Effect.timeoutOption(Fiber.await(calling), next.deadlineMillis)
  const exit = calling.pollUnsafe()
  if (exit === undefined) calling.interruptUnsafe()
  const claim = claimOf(exit, next)
  heard.add("the outcome of the next attempt", claim)
  return claim
})
