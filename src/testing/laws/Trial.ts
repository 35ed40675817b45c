/**
 * Trial: one call of a connector's function over a wire that is cut, with a server of its own.
 *
 * The function is opened as the kernel does it, and called without the kernel's keys, lanes or retries:
 * what is seen is the connector's own doing. Its end is read by the kernel's own reading.
 */
import { Cause, Context, Duration, Effect, Exit, Fiber, Layer, Option, Scope } from "effect"
import type { Action } from "../../domain/Action.ts"
import type { Ask } from "../../kernel/Ask.ts"
import { Connectors } from "../../kernel/Connectors.ts"
import * as Evidence from "../../kernel/Evidence.ts"
import { type Call, type Functions, open } from "../../kernel/Sealed.ts"
import * as Transaction from "../../kernel/Transaction.ts"
import * as TcpProxy from "../TcpProxy.ts"
import { type Cut, ruleOf } from "./Cut.ts"
import { knock } from "./Knock.ts"
import type { Observation } from "./Observation.ts"
import { type Recovering, recover } from "./Recovering.ts"
import { type Remote, type Server, type Subject, SubjectUnfit } from "./Subject.ts"
import { listening } from "./Told.ts"

/** How long a call may take to end once it is interrupted. It has nothing to wait for. */
const promptly = Duration.seconds(2)

/** A subject with every default filled in, in milliseconds. */
export interface Times {
  readonly deadlineMillis: number
  readonly silenceMillis: number
  /** By how much late answers are late: more than the deadline. */
  readonly lateMillis: number
  readonly watchMillis: number
}

/** What one trial is made of. */
export interface Plan<C extends Remote, S extends Server> {
  readonly subject: Subject<C, S>
  readonly action: Action<C>
  /** The action as the kernel reads it. */
  readonly ask: Ask
  readonly secrets: ReadonlyArray<string>
  readonly maxBytes: number
  readonly times: Times
}

/** What was seen, and the packets of the call. */
export interface Tried {
  readonly seen: Observation
  readonly packets: ReadonlyArray<TcpProxy.Packet>
}

/** Runs one trial. Fails where the subject itself does not work. */
export const run = Effect.fnUntraced(function* <C extends Remote, S extends Server>(
  plan: Plan<C, S>,
  cut: Cut
): Effect.fn.Return<Tried, SubjectUnfit> {
  const heard = listening()
  const tried = yield* Effect.provide(Effect.scoped(staged(plan, cut, heard)), heard.layer)
  // Spans have ended and layers have closed by now: what they told is heard too.
  return { ...tried, seen: { ...tried.seen, leaks: heard.leaks(plan.secrets) } }
})

const staged = Effect.fnUntraced(function* <C extends Remote, S extends Server>(
  plan: Plan<C, S>,
  cut: Cut,
  heard: ReturnType<typeof listening>
) {
  const { action, ask, subject, times } = plan
  const server = yield* Effect.mapError(subject.server, (error) =>
    unfit(subject, `its server did not start (${sentenceOf(error)})`)
  )
  const wire = yield* closeable
  const proxy = yield* Scope.provide(TcpProxy.make(server.port), wire)
  yield* proxy.setRule(ruleOf(cut))
  const house = yield* closeable
  const functions = yield* opened(plan, server, proxy.port, house)
  const effects = Effect.andThen(knock(server.port), server.effects)

  const deadlineMillis = cut.kind === "breaks" ? times.deadlineMillis : times.silenceMillis
  const call = callOf(ask, deadlineMillis)
  const calling = yield* Effect.forkDetach(Transaction.none(functions.perform(ask.payload, call)))
  yield* Effect.timeoutOption(Fiber.await(calling), deadlineMillis)
  const atEnd = yield* effects
  const saidAtEnd = yield* saidByClient(proxy)
  // A late answer is waited for: what the call makes of it is evidence, as the kernel listens for it.
  if (cut.kind === "late") yield* Effect.sleep(times.lateMillis + times.watchMillis)
  const exit = calling.pollUnsafe()
  const ended = exit === undefined ? yield* interrupted(calling) : "by itself"
  if (cut.kind !== "late") yield* Effect.sleep(times.watchMillis)

  const watched = yield* effects
  const spokeLate = (yield* saidByClient(proxy)) > saidAtEnd
  const packets = yield* proxy.packets
  const claim =
    exit === undefined
      ? Evidence.unknown(`no answer within ${deadlineMillis} ms`)
      : Evidence.fromExit(action.capability, exit, plan.maxBytes)
  heard.add("the outcome", claim)
  for (const told of toldBy(exit)) heard.add("the call's end", told)
  const lost = (yield* proxy.cuts) > 0

  yield* proxy.setRule(TcpProxy.pass)
  const recovering: Recovering = { ask, call, cut, effects, functions, heard, maxBytes: plan.maxBytes, proxy }
  const recovered = ended === "never" ? undefined : yield* recover(recovering, claim)

  yield* Effect.timeoutOption(Scope.close(house, Exit.void), promptly)
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
      connections: usedIn(packets, lost ? cut.connection : undefined),
      leaks: [],
      recovered
    } satisfies Observation
  }
})

const closeable = Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))

/** The call that the kernel would make. */
const callOf = ({ key, name }: Ask, deadlineMillis: number): Call => ({
  key: `fibric-${name}-0`,
  entity: key.entity,
  attempt: 1,
  deadlineMillis
})

/** How much the client has said, connections included: opening one is the beginning of saying something. */
const saidByClient = ({ connections, packets }: TcpProxy.TcpProxy): Effect.Effect<number> =>
  Effect.zipWith(connections, packets, (connections, packets) =>
    packets.reduce((sum, { bytes, side }) => (side === "client" ? sum + bytes : sum), connections)
  )

/**
 * How many connections were used. One that a client's pool opened and never spoke on is no try; one that
 * was cut before the client came to speak is.
 */
const usedIn = (packets: ReadonlyArray<TcpProxy.Packet>, cut: number | undefined): number =>
  new Set([
    ...packets.filter(({ side }) => side === "client").map(({ connection }) => connection),
    ...(cut === undefined ? [] : [cut])
  ]).size

const interrupted = Effect.fnUntraced(function* (calling: Fiber.Fiber<unknown, unknown>) {
  calling.interruptUnsafe()
  const exit = yield* Effect.timeoutOption(Fiber.await(calling), promptly)
  return Option.isSome(exit) ? ("when interrupted" as const) : ("never" as const)
})

/** The connector's functions, from a layer that lives as long as the scope. */
const opened = Effect.fnUntraced(function* <C extends Remote, S extends Server>(
  { action: { capability }, subject }: Plan<C, S>,
  server: S,
  port: number,
  scope: Scope.Scope
): Effect.fn.Return<Functions, SubjectUnfit> {
  // A registry of its own, known by reference: whatever else the layer brings, a running connector's
  // registry is not asked.
  const built = yield* Layer.buildWithScope(Layer.fresh(Connectors.layer), scope)
  const connectors = Context.get(built, Connectors)
  const layer = Layer.provide(
    Layer.fresh(subject.connector({ host: "127.0.0.1", port }, server)),
    Layer.succeed(Connectors, connectors)
  )
  yield* Effect.mapError(Layer.buildWithScope(layer, scope), (error) =>
    unfit(subject, `its connector's layer was not built (${sentenceOf(error)})`)
  )
  const functions = yield* connectors.holding(capability.name, (sealed) =>
    Effect.succeed(sealed && open(sealed, capability))
  )
  return functions ?? (yield* unfit(subject, `its layer does not carry out "${capability.name}"`))
})

const toldBy = (exit: Exit.Exit<unknown, unknown> | undefined): ReadonlyArray<unknown> => {
  if (exit === undefined) return []
  if (Exit.isSuccess(exit)) return [exit.value]
  return exit.cause.reasons.map((reason) => {
    if (Cause.isFailReason(reason)) return reason.error
    return Cause.isDieReason(reason) ? reason.defect : "interrupted"
  })
}

export const unfit = ({ name }: { readonly name: string }, problem: string): SubjectUnfit =>
  new SubjectUnfit({ subject: name, problem })

const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
