/**
 * Connector: a group of capabilities and the code that carries them out against one provider.
 *
 * An author writes the functions and inherits the safety: whatever calls them goes through the
 * executor. The functions are sealed as soon as the layer is built.
 */
import type { Scope } from "effect"
import { Context, Effect, Layer } from "effect"
import type * as Capability from "../domain/Capability.ts"
import type { NotPerformed, OutcomeUnknown, StartRefused } from "../domain/errors.ts"
import { Connectors } from "./Connectors.ts"
import { type Call, Sealed } from "./Sealed.ts"

/**
 * Says in the type of a program that something carries out the capability of this name. Its value is
 * a mark, not the function: the executor alone can reach that.
 */
export interface Handler<Name extends string> {
  readonly _: unique symbol
  readonly name: Name
}

/** The mark that a capability's connector puts into the context. */
export interface HandlerMark {
  readonly capability: string
}

const handlerKey = <Name extends string>(name: Name) =>
  Context.Service<Handler<Name>, HandlerMark>(`fibric/kernel/Connector/Handler/${name}`)

/**
 * What a connector's function may do: succeed with the output, fail with the declared refusal, fail
 * with `NotPerformed` on proof, or fail with `OutcomeUnknown`. A defect, an interrupt, an output that
 * does not fit and a missed deadline count as unknown: nobody can claim an outcome without evidence.
 */
export type Implementation<C extends Capability.Any, R = never> = (
  payload: C["payload"]["Type"],
  call: Call
) => Effect.Effect<C["success"]["Type"], C["error"]["Type"] | NotPerformed | OutcomeUnknown, R>

/** One function for each capability of the group. */
export type Implementations<C extends Capability.Any, R> = {
  readonly [Current in C as Current["name"]]: Implementation<Current, R>
}

// The services that the given functions need, read off their types.
type ServicesOf<Handlers> = {
  [Name in keyof Handlers]: Handlers[Name] extends (
    ...args: ReadonlyArray<never>
  ) => Effect.Effect<infer _A, infer _E, infer R>
    ? R
    : never
}[keyof Handlers]

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
    Exclude<RX, Scope.Scope> | ServicesOf<Handlers> | Connectors
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
  toLayer: ((
    build:
      | Record<string, Implementation<Capability.Any>>
      | Effect.Effect<Record<string, Implementation<Capability.Any>>>
  ) => Layer.effectContext(registerAll(name, capabilities, build))) as Connector<
    Capabilities[number]
  >["toLayer"]
})

const registerAll = Effect.fnUntraced(function* (
  connector: string,
  capabilities: ReadonlyArray<Capability.Any>,
  build:
    | Record<string, Implementation<Capability.Any>>
    | Effect.Effect<Record<string, Implementation<Capability.Any>>>
) {
  const registry = yield* Connectors
  const handlers = Effect.isEffect(build) ? yield* build : build
  const layerContext = yield* Effect.context<never>()
  let marks = Context.empty() as Context.Context<never>
  for (const capability of capabilities) {
    const implementation = handlers[capability.name]
    if (implementation === undefined) {
      return yield* Effect.die(`Bug: the connector "${connector}" has no function for "${capability.name}"`)
    }
    const sealed = new Sealed(capability, (payload, call) =>
      Effect.provideContext(
        Effect.suspend(() => implementation(payload, call)),
        layerContext
      )
    )
    yield* registry.register({ connector, capability, sealed })
    marks = Context.add(marks, handlerKey(capability.name), { capability: capability.name })
  }
  return marks
})
