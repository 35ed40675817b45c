/**
 * Executing: what comes out and what it may fail with is the capability's own, and a program without
 * its connector can't be run.
 */
import { Effect, type Option } from "effect"
import { type Connector, execute, type ExecuteError, Executor, Fibric, Operator, type Receipt } from "fibric"
import { EmailRefused, type Equals, type IsAny, isFalse, isTrue, Notify, Order, payload } from "./support.ts"
import { Door, sent, shop, Unlock } from "./support.ts"

const notify = execute(Notify.propose(Order.at("4471"), payload))

// What comes out.
type Answer = Effect.Success<typeof notify>
isFalse<IsAny<Answer>>()
isTrue<Equals<Answer["receipt"], Receipt>>()
isTrue<Equals<Answer["output"], Option.Option<{ readonly messageId: string }>>>()

// What it may fail with: the capability's refusal beside what any action may meet, and each by its tag.
isTrue<Equals<Effect.Error<typeof notify>, EmailRefused | ExecuteError>>()
isFalse<IsAny<ExecuteError>>()
const caught = notify.pipe(Effect.catchTag("EmailRefused", ({ reason }) => Effect.succeed(reason)))
isTrue<Equals<Effect.Error<typeof caught>, ExecuteError>>()
isTrue<Equals<Effect.Success<typeof caught>, Answer | string>>()
const doubtful = notify.pipe(Effect.catchTag("InDoubt", ({ receipt }) => Effect.succeed(receipt.attempt)))
isTrue<Equals<Effect.Success<typeof doubtful>, Answer | number>>()

// @ts-expect-error No action fails with this: a handler for it would never run.
notify.pipe(Effect.catchTag("DoorStuck", () => Effect.void))

const unlock = (at: Parameters<typeof Unlock.propose>[1]) => execute(Unlock.propose(Door.at("12"), at))
isTrue<Equals<Effect.Error<ReturnType<typeof unlock>>, ExecuteError>>()
isTrue<Equals<Effect.Success<ReturnType<typeof unlock>>["output"], Option.Option<void>>>()

// What it needs: the executor, and something that carries out this very capability.
isTrue<Equals<Effect.Services<typeof notify>, Executor | Connector.Handler<"notify">>>()
isFalse<Equals<Connector.Handler<"notify">, Connector.Handler<"unlock">>>()

// @ts-expect-error Neither fibric nor a connector is there.
Effect.runPromise(notify)

// @ts-expect-error fibric is there, and nothing that carries out "notify".
Effect.runPromise(notify.pipe(Effect.provide(Fibric.layerMemory)))

const connector = shop.toLayer({ notify: () => sent, unlock: () => Effect.void })

// @ts-expect-error The connector is there, and no fibric that it could be registered with.
Effect.runPromise(notify.pipe(Effect.provide(connector)))

// @ts-expect-error An action is a value: it is executed, it can't be run.
Effect.runPromise(Notify.propose(Order.at("4471"), payload))

// @ts-expect-error A connector is carried out by fibric alone: the handler's mark is no function.
Effect.flatMap(Executor, ({ execute }) => execute.sealed)

// Naming the operator changes nothing else.
isTrue<Equals<ReturnType<ReturnType<typeof Operator.as>>, Effect.Effect<unknown, unknown, unknown>>>()
const named = notify.pipe(Operator.as("shipping"))
isTrue<Equals<typeof named, typeof notify>>()
