/**
 * Http: one request for one call to one provider, and what its answer proves.
 *
 * For connectors: a provider with an API of its own shape is a thin layer over `make`. For applications:
 * `performing` and `lookingUp` carry a capability out over the provider that `layer` configures.
 */
import { Config, Context, Effect, Layer, type Option, Result } from "effect"
import type { Call, Capability, NotPerformed, OutcomeUnknown } from "fibric"
import { Answer } from "./Answer.ts"
import * as HttpConfig from "./config.ts"
import {
  type Finding,
  finding,
  type FindingOptions,
  LookupFailed,
  type Reading,
  reading,
  type ReadingOptions
} from "./Evidence.ts"
import { exchange, neverSent } from "./Exchange.ts"
import { render, type Request } from "./Request.ts"

/** One provider's API. */
export interface Api {
  /**
   * Sends the request once, on a connection of its own, with the call's key, and reads the answer.
   *
   * `NotPerformed` with `never_sent`: no byte of it has left, because it can't be sent as it is, may not go
   * there, found no connection, or had no time left. `OutcomeUnknown`: it had begun to leave and no whole
   * answer came. Everything else is what the reading makes of the answer. It is never sent twice, no
   * redirect is followed, nothing leaves after nine tenths of the call's deadline, and an interrupt
   * destroys the connection.
   */
  readonly perform: <A, E>(
    request: Request,
    read: Reading<A, E>,
    call: Call
  ) => Effect.Effect<A, E | NotPerformed | OutcomeUnknown>
  /** Asks what became of a call, with the same care. Whatever is no answer is `LookupFailed`. */
  readonly lookUp: <A>(
    request: Request<"GET">,
    find: Finding<A>,
    call: Call
  ) => Effect.Effect<Option.Option<A>, LookupFailed>
}

/** The API that `performing` and `lookingUp` speak to. */
export class Http extends Context.Service<Http, Api>()("fibric/connectors/http/Http") {}

/** Speaks to one provider. Nothing is connected before the first request. */
export const make = Effect.fnUntraced(function* (
  options: HttpConfig.Options
): Effect.fn.Return<Api, HttpConfig.HttpMisconfigured> {
  const provider = yield* HttpConfig.resolve(options)
  const ask = Effect.fnUntraced(function* (request: Request, call: Call) {
    const rendered = yield* Effect.fromResult(
      Result.mapError(render(request, provider, call), (problem) =>
        neverSent(`the request can't be sent: ${problem}`)
      )
    )
    return new Answer(yield* exchange(rendered, provider, call), rendered, rendered.secrets)
  })
  return {
    // The spans carry nothing: a URL, a header or a body may hold what nobody else should read.
    perform: Effect.fn("Http.perform")(function* (request, read, call) {
      return yield* read(yield* ask(request, call))
    }),
    lookUp: Effect.fn("Http.lookUp")(function* (request, find, call) {
      const answer = yield* Effect.mapError(ask(request, call), ({ reason }) => new LookupFailed({ reason }))
      return yield* find(answer)
    })
  }
})

/** Speaks to the given provider. */
export const layer = (options: HttpConfig.Options): Layer.Layer<Http, HttpConfig.HttpMisconfigured> =>
  Layer.effect(Http, make(options))

/** The same, from configuration: by default from `HTTP_URL` and `HTTP_AUTHORIZATION`. */
export const layerConfig = (
  config: Config.Wrap<HttpConfig.Options> = HttpConfig.options
): Layer.Layer<Http, HttpConfig.HttpMisconfigured | Config.ConfigError> =>
  Layer.effect(Http, Effect.flatMap(Config.unwrap(config), make))

/** How a capability is carried out: the request, and what its answers prove. */
export interface Performing<C extends Capability.Any> extends Omit<
  ReadingOptions<C["success"]["Type"], C["error"]["Type"]>,
  "success"
> {
  /** Made of the payload and the call alone: a request that is sent again has to be the same. */
  readonly request: (payload: C["payload"]["Type"], call: Call) => Request
  /** The body of a success. Default: the capability's own `success`. */
  readonly success?: ReadingOptions<C["success"]["Type"], never>["success"]
}

/** A capability's function: one request over `Http`, read by a table. */
export const performing = <C extends Capability.Any>(
  capability: C,
  { request, success, ...how }: Performing<C>
): ((
  payload: C["payload"]["Type"],
  call: Call
) => Effect.Effect<C["success"]["Type"], C["error"]["Type"] | NotPerformed | OutcomeUnknown, Http>) => {
  const read = reading<C["success"]["Type"], C["error"]["Type"]>({
    ...how,
    success: success ?? capability.success
  })
  return (payload, call) => Effect.flatMap(Http, (http) => http.perform(request(payload, call), read, call))
}

/** How it is asked what became of a call. */
export interface LookingUp<C extends Capability.Any, B> extends FindingOptions<C["success"]["Type"], B> {
  readonly request: (payload: C["payload"]["Type"], call: Call) => Request<"GET">
}

/** A capability's `lookup`: one question over `Http`. */
export const lookingUp = <C extends Capability.Any, B>(
  _capability: C,
  { request, ...how }: LookingUp<C, B>
): ((
  payload: C["payload"]["Type"],
  call: Call
) => Effect.Effect<Option.Option<C["success"]["Type"]>, LookupFailed, Http>) => {
  const find = finding(how)
  return (payload, call) => Effect.flatMap(Http, (http) => http.lookUp(request(payload, call), find, call))
}
