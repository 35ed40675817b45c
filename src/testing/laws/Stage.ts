/**
 * Stage: what every trial is set up with and how it is cleared away, whatever the capability's recovery.
 *
 * A server of its own, the connector's functions opened as the kernel does it, and what can be counted on a
 * proxy.
 */
import { Cause, Context, Duration, Effect, Exit, Fiber, Layer, Option, Scope } from "effect"
import type { Action } from "../../domain/Action.ts"
import type { Ask } from "../../kernel/Ask.ts"
import { Connectors } from "../../kernel/Connectors.ts"
import { type Call, type Functions, open } from "../../kernel/Sealed.ts"
import * as TcpProxy from "../TcpProxy.ts"
import { type Cut, ruleOf } from "./Cut.ts"
import { knock } from "./Knock.ts"
import type { Observation } from "./Observation.ts"
import { type Common, type Database, type Server, SubjectUnfit, type Triable } from "./Subject.ts"
import type { listening } from "./Told.ts"

/** How long a call may take to end once it is interrupted. It has nothing to wait for. */
export const promptly = Duration.seconds(2)

/** A subject's times with every default filled in, in milliseconds. */
export interface Times {
  readonly deadlineMillis: number
  readonly silenceMillis: number
  /** By how much late answers are late: more than the deadline. */
  readonly lateMillis: number
  readonly watchMillis: number
}

/** A subject of whatever capability, as the trials read it. */
export type Brought<C extends Triable, S extends Server> = Common<C, S> & Partial<Database<S>>

/** What one trial is made of. */
export interface Plan<C extends Triable, S extends Server> {
  readonly subject: Brought<C, S>
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

/** What hears all that a trial tells. */
export type Heard = ReturnType<typeof listening>

/** The trial's server, and its effects once it has noticed all that has reached it. */
const served = Effect.fnUntraced(function* <S extends Server>(subject: {
  readonly name: string
  readonly server: Common<never, S>["server"]
}) {
  const server = yield* Effect.mapError(subject.server, (error) =>
    unfit(subject, `its server did not start (${sentenceOf(error)})`)
  )
  return { server, effects: Effect.andThen(knock(server), server.effects) }
})

/** A scope that the trial's scope closes, and whoever is done with it before. */
export const closeable = Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))

/** The trial's server and a wire to it that is cut, which whoever is done with it before the trial may close. */
export const wired = Effect.fnUntraced(function* <C extends Triable, S extends Server>(
  { subject }: Plan<C, S>,
  cut: Cut
) {
  const { effects, server } = yield* served(subject)
  const wire = yield* closeable
  const proxy = yield* Scope.provide(TcpProxy.make(server), wire)
  yield* proxy.setRule(ruleOf(cut))
  return { effects, server, wire, proxy }
})

/** The call that the kernel would make. */
export const callOf = ({ key, name }: Ask, deadlineMillis: number): Call => ({
  key: `fibric-${name}-0`,
  entity: key.entity,
  attempt: 1,
  deadlineMillis
})

/** How much the client has said, connections included: opening one is the beginning of saying something. */
export const saidByClient = ({ connections, packets }: TcpProxy.TcpProxy): Effect.Effect<number> =>
  Effect.zipWith(connections, packets, (connections, packets) =>
    packets.reduce((sum, { bytes, side }) => (side === "client" ? sum + bytes : sum), connections)
  )

/**
 * How many connections were used. One that a client's pool opened and never spoke on is no try; one that
 * was cut before the client came to speak is.
 */
export const usedIn = (packets: ReadonlyArray<TcpProxy.Packet>, cut: number | undefined): number =>
  new Set([
    ...packets.filter(({ side }) => side === "client").map(({ connection }) => connection),
    ...(cut === undefined ? [] : [cut])
  ]).size

export const interrupted = Effect.fnUntraced(function* (calling: Fiber.Fiber<unknown, unknown>) {
  calling.interruptUnsafe()
  const exit = yield* Effect.timeoutOption(Fiber.await(calling), promptly)
  return Option.isSome(exit) ? ("when interrupted" as const) : ("never" as const)
})

/** On a wire that lets everything through nothing is to be learned from a short deadline. */
export const longEnoughMillis = ({ deadlineMillis }: Call): number => Math.max(deadlineMillis, 5_000)

/** The connector's functions, from a layer that lives as long as the scope. */
export const opened = Effect.fnUntraced(function* <C extends Triable, S extends Server>(
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

export const toldBy = (exit: Exit.Exit<unknown, unknown> | undefined): ReadonlyArray<unknown> => {
  if (exit === undefined) return []
  if (Exit.isSuccess(exit)) return [exit.value]
  return exit.cause.reasons.map((reason) => {
    if (Cause.isFailReason(reason)) return reason.error
    return Cause.isDieReason(reason) ? reason.defect : "interrupted"
  })
}

export const unfit = ({ name }: { readonly name: string }, problem: string): SubjectUnfit =>
  new SubjectUnfit({ subject: name, problem })

export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
