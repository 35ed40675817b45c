/**
 * ClusterExecutor: the same lanes, hosted on effect's cluster.
 *
 *     execute ─▶ read here ─▶ the runner that owns the entity's shard ─▶ its own Executor ─▶ receipt
 *
 * The cluster routes: all actions of an entity meet in one runner's lane, as long as the runners agree on
 * who owns it. It does not exclude: a runner that was frozen, or cut off, may host an entity beside its
 * successor. Excluding is the ledger's business there as everywhere, inside the handler.
 *
 * Messages are volatile. What was sent to a runner that died is sent to its successor, which is harmless:
 * the key is the same. What must survive its asker is the outbox's business.
 */
import { Cause, Effect, Exit, Layer, Option, Schema } from "effect"
import type { Sharding } from "effect/cluster/Sharding"
import type { Action } from "../domain/Action.ts"
import type * as Capability from "../domain/Capability.ts"
import { LedgerUnavailable } from "../domain/errors.ts"
import type { ExecuteError } from "../domain/execute-error.ts"
import * as Operator from "../domain/Operator.ts"
import type { Receipt } from "../domain/Receipt.ts"
import * as Answer from "../kernel/Answer.ts"
import * as Ask from "../kernel/Ask.ts"
import * as Caller from "../kernel/Caller.ts"
import { Connectors } from "../kernel/Connectors.ts"
import { type ExecuteOptions, Executor } from "../kernel/Executor.ts"
import { Inside } from "../kernel/Inside.ts"
import { Settings } from "../kernel/Settings.ts"
import { Failure, insideOf, Lane, laneId, type Request, toAction, toRequest } from "./Message.ts"

/** How a runner hosts lanes. */
export interface HostingOptions {
  /** How many requests of one entity may be on a runner at once. The next ones are sent again, a little later. */
  readonly mailboxCapacity?: number
  /** How long an entity that nobody asks for stays on its runner. A lane costs nothing while it is idle. */
  readonly maxIdle?: `${number} seconds` | `${number} minutes`
}

/** Hosts the lanes of the entities that this runner owns: their requests go to the executor here. */
export const layerHost = (
  options: HostingOptions = {}
): Layer.Layer<never, never, Executor | Connectors | Sharding> =>
  Lane.toLayer(
    Effect.gen(function* () {
      const executor = yield* Executor
      const connectors = yield* Connectors
      const { turnMillis } = yield* Settings
      // A runner is in the cluster before the connectors that are built on it are there.
      const ready = Effect.timeoutOption(connectors.first, turnMillis)
      return {
        execute: ({ payload }) => Effect.andThen(ready, answer(executor, connectors, payload))
      }
    }),
    {
      // One at a time is the lane's own business, and whoever joins a flight must not wait behind it.
      concurrency: "unbounded",
      // A defect is one request's: it must not take the entity down, or other requests with it.
      disableFatalDefects: true,
      mailboxCapacity: options.mailboxCapacity ?? 4_096,
      maxIdleTime: options.maxIdle ?? "30 seconds"
    }
  )

/** Executes a request here, in the name of whoever asked for it. */
const answer = Effect.fnUntraced(function* (
  executor: Executor["Service"],
  connectors: Connectors["Service"],
  request: Request
): Effect.fn.Return<Receipt, typeof Failure.Type> {
  const action = yield* toAction(yield* connectors.capabilities, request)
  const exit = yield* Effect.exit(
    // That somebody carries the capability out was seen above; its types are known to the asker alone.
    executor
      .execute(action)
      .pipe(
        Operator.as(request.operator),
        Effect.provideService(Inside, Option.getOrUndefined(insideOf(request)))
      ) as unknown as Effect.Effect<{ readonly receipt: Receipt }, unknown>
  )
  if (Exit.isSuccess(exit)) return exit.value.receipt
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (isFailure(error)) return yield* error
  if (error === undefined) return yield* Effect.die(Cause.squash(exit.cause))
  // What is none of the kernel's errors is the capability's refusal, and stands on the key's receipt.
  const receipt = yield* executor.receiptOf(action.key)
  if (Option.isSome(receipt) && receipt.value.outcome === "refused") return receipt.value
  // Any other receipt would be read as a success by whoever asked.
  const reason = "the provider refused it, and the key was reopened before the refusal was read back"
  return yield* new LedgerUnavailable({ operation: "read the refusal", reason })
})

const isFailure = Schema.is(Failure)

/**
 * Sends every action to the runner that hosts its entity. What is wrong with a request by itself is said
 * here, before anything is sent. While no runner owns the entity the request waits for one; no longer than
 * the action could have taken there: then the caller gets `InProgress`.
 */
export const layerExecutor: Layer.Layer<Executor, never, Executor | Sharding> = Layer.effect(
  Executor,
  Effect.gen(function* () {
    const local = yield* Executor
    const bounds = yield* Settings
    const lanes = yield* Lane.client

    const execute = Effect.fn("ClusterExecutor.execute")(function* <C extends Capability.Any>(
      action: Action<C>,
      { patience }: ExecuteOptions = {}
    ) {
      const operator = yield* Operator.Current
      const ask = yield* Effect.fromResult(Ask.read(action, operator, bounds))
      yield* Caller.notInsideTransaction(ask)
      const request = toRequest(action, operator, yield* Inside)
      const sent = send(lanes(laneId(ask.key.entity)).execute(request))
      const { deadlineMillis, validityMillis } = action.capability
      const receipt = yield* Caller.within(
        ask,
        patience ?? validityMillis + deadlineMillis + bounds.doubtMarginMillis,
        sent
      )
      return yield* Answer.read(action.capability, receipt)
    })

    return Executor.of({ ...local, execute })
  })
)

/** A full mailbox is asked again; what else the cluster says instead of an answer is no word of the ledger's. */
const send = <E extends { readonly _tag: string }>(
  sent: Effect.Effect<Receipt, E>
): Effect.Effect<Receipt, ExecuteError> =>
  Effect.catch(sent, (error): Effect.Effect<Receipt, ExecuteError> => {
    if (isFailure(error)) return Effect.fail(error)
    if (error._tag === "MailboxFull") return Effect.delay(send(sent), "100 millis")
    return Effect.fail(new LedgerUnavailable({ operation: "reach the entity's runner", reason: error._tag }))
  })

/** Both: this runner hosts lanes, and what is executed here goes where its entity is hosted. */
export const layer = (
  options?: HostingOptions
): Layer.Layer<Executor, never, Executor | Connectors | Sharding> =>
  Layer.merge(layerHost(options), layerExecutor)
