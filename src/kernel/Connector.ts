/**
 * Connector: a group of capabilities and the code that carries them out against one provider.
 *
 * An author writes the functions and inherits the safety: whatever calls them goes through the
 * executor. The functions are sealed as soon as the layer is built.
 */
import type { Option, Scope } from "effect"
import { Context, Effect, Layer } from "effect"
import type * as Capability from "../domain/Capability.ts"
import { type NotPerformed, type OutcomeUnknown } from "../domain/connector-errors.ts"
import { StartRefused } from "../domain/errors.ts"
import type { ExecuteError } from "../domain/execute-error.ts"
import type * as Recovery from "../domain/Recovery.ts"
import { Connectors } from "./Connectors.ts"
import { type Handler, handlerKey } from "./Handler.ts"
import type { LedgerTransaction } from "./LedgerTransaction.ts"
import { type Call, type Functions, type ProgramCall, type Run, Sealed } from "./Sealed.ts"
import * as Secrets from "./Secrets.ts"
import * as StoredRequest from "./StoredRequest.ts"

export type { Handler, HandlerMark } from "./Handler.ts"

/**
 * What a connector's function may do: succeed with the output, fail with the declared refusal, fail
 * with `NotPerformed` on proof, or fail with `OutcomeUnknown`. A defect, an interrupt, an output that
 * does not fit and a missed deadline count as unknown: nobody can claim an outcome without evidence.
 *
 * A `transactional` capability's function works through `LedgerTransaction`, and nothing else that it
 * does is taken back with it. A `resend` one makes the same request of the same payload and key. A
 * `replay` one is a program: it acts through `call.perform` alone, and may fail with what a step failed
 * with.
 */
export type Perform<C extends Capability.Any, R = never> = (
  payload: C["payload"]["Type"],
  call: C["recovery"] extends Recovery.Replay ? ProgramCall : Call
) => Effect.Effect<
  C["success"]["Type"],
  // What stops a step may stop its program: that is for the kernel to read.
  | C["error"]["Type"]
  | NotPerformed
  | OutcomeUnknown
  | (C["recovery"] extends Recovery.Replay ? ExecuteError : never),
  R
>

/**
 * Asks the provider what became of a call: the output where it has it, `None` where it has nothing (yet).
 * Any failure means that it could not be asked, and it is asked again later. Changes nothing there.
 */
export type Lookup<C extends Capability.Any, R = never> = (
  payload: C["payload"]["Type"],
  call: Call
) => Effect.Effect<Option.Option<C["success"]["Type"]>, unknown, R>

/** What a capability needs of its connector: a function, and a second one where its recovery is `lookup`. */
export type Implementation<C extends Capability.Any, R = never> = C["recovery"] extends Recovery.Lookup
  ? { readonly perform: Perform<C, R>; readonly lookup: Lookup<C, R> }
  : Perform<C, R>

/** One implementation for each capability of the group. */
export type Implementations<C extends Capability.Any, R> = {
  readonly [Current in C as Current["name"]]: Implementation<Current, R>
}

type AnyFunction = (...args: ReadonlyArray<never>) => Effect.Effect<unknown, unknown, unknown>

type NeedsOf<F> = F extends (...args: ReadonlyArray<never>) => Effect.Effect<infer _A, infer _E, infer R>
  ? R
  : never

// The services that the given functions need, read off their types; the transaction is the kernel's to give.
type ServicesOf<C extends Capability.Any, Handlers> = {
  [Name in keyof Handlers]: Handlers[Name] extends AnyFunction
    ? Extract<C, { readonly name: Name }>["recovery"] extends Recovery.Transactional
      ? Exclude<NeedsOf<Handlers[Name]>, LedgerTransaction>
      : NeedsOf<Handlers[Name]>
    : NeedsOf<Handlers[Name][keyof Handlers[Name]]>
}[keyof Handlers]

// What the guards need; the layer that carries the group out provides it.
type GuardServicesOf<C> =
  C extends Capability.Capability<string, string, infer _P, infer _S, infer _E, infer _R, infer Services>
    ? Services
    : never

/** A named group of capabilities. */
export interface Connector<C extends Capability.Any> {
  readonly name: string
  readonly capabilities: ReadonlyArray<C>
  /**
   * Carries the group out. The functions run in the context that this layer is built in, whoever
   * asks; their own retries must be off, for the kernel decides about new attempts.
   */
  readonly toLayer: <Handlers extends Implementations<C, unknown>, EX = never, RX = never>(
    build: Handlers | Effect.Effect<Handlers, EX, RX>
  ) => Layer.Layer<
    C extends Capability.Any ? Handler<C["name"]> : never,
    EX | StartRefused,
    Exclude<RX, Scope.Scope> | ServicesOf<C, Handlers> | GuardServicesOf<C> | Connectors
  >
}

/** Groups capabilities under a connector's name. */
export const make = <const Capabilities extends ReadonlyArray<Capability.Any>>(
  name: string,
  ...capabilities: Capabilities
): Connector<Capabilities[number]> => ({
  name,
  capabilities,
  // The typed signature is the interface's; here the handlers are one record of functions by name.
  toLayer: ((build: Build) => Layer.effectContext(registerAll(name, capabilities, build))) as Connector<
    Capabilities[number]
  >["toLayer"]
})

type Given = Run | { readonly perform: Run; readonly lookup: NonNullable<Functions["lookup"]> }
type Build = Record<string, Given> | Effect.Effect<Record<string, Given>>

const registerAll = Effect.fnUntraced(function* (
  connector: string,
  capabilities: ReadonlyArray<Capability.Any>,
  build: Build
) {
  const registry = yield* Connectors
  const handlers = Effect.isEffect(build) ? yield* build : build
  const layerContext = yield* Effect.context<never>()
  let marks = Context.empty() as Context.Context<never>
  for (const capability of capabilities) {
    const given = handlers[capability.name]
    if (given === undefined) {
      return yield* Effect.die(`Bug: the connector "${connector}" has no function for "${capability.name}"`)
    }
    yield* checkStored(connector, capability)
    const sealed = new Sealed(capability, inContext(capability, given, layerContext))
    yield* registry.register({ connector, capability, sealed })
    marks = Context.add(marks, handlerKey(capability.name), { capability: capability.name })
  }
  return marks
})

/** The functions, each run in the layer's context whoever calls it. */
const inContext = ({ guard }: Capability.Any, given: Given, context: Context.Context<never>): Functions => {
  const within =
    <Args extends ReadonlyArray<unknown>, A, E, R>(run: (...args: Args) => Effect.Effect<A, E, R>) =>
    (...args: Args): Effect.Effect<A, E, R> =>
      Effect.provideContext(
        Effect.suspend(() => run(...args)),
        context
      )
  const { lookup, perform } = typeof given === "function" ? { perform: given, lookup: undefined } : given
  return {
    perform: within(perform),
    lookup: lookup && within(lookup),
    // Its services are in the context that this layer was built in: its type asks for them.
    guard: guard && within(guard as NonNullable<Functions["guard"]>)
  }
}

const checkStored = (connector: string, capability: Capability.Any): Effect.Effect<void, StartRefused> => {
  const exposed = Secrets.exposed(capability)
  if (exposed !== undefined) {
    return Effect.fail(
      new StartRefused({
        problem: "secret_stored",
        sentence: `The connector "${connector}" brings "${capability.name}", but ${exposed}, which would be stored. Nothing was performed; leave it out there, and let the connector have it from the payload or from its own configuration.`
      })
    )
  }
  const missing = StoredRequest.missing(capability)
  return missing === undefined
    ? Effect.void
    : Effect.fail(
        new StartRefused({
          problem: "request_not_stored",
          sentence: `The connector "${connector}" brings "${capability.name}", whose recovery needs its request later, but ${missing}. Nothing was performed; allow what is needed to be stored, or choose another recovery.`
        })
      )
}
