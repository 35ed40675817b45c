/**
 * Accounts for tests: an action that asks, from inside its own lane, for an action of another account.
 */
import { Context, Deferred, Effect, Schema } from "effect"
import { Capability, Connector, Entity, type ExecuteOptions, Executor, Recovery } from "fibric"

const Account = Entity.make("account")

/** Moves something to another account by asking for the same on it. */
const Move = Capability.make("move", {
  entity: Account,
  payload: { occasion: Schema.String, onward: Schema.Array(Schema.String) },
  success: Schema.Array(Schema.String),
  occasion: ({ occasion }) => occasion,
  recovery: Recovery.hold,
  deadline: "20 seconds"
})

export const move = (id: string, occasion: string, onward: ReadonlyArray<string> = []) =>
  Move.propose(Account.at(id), { occasion, onward })

/** What a test lets happen inside of a call. */
export class Inside extends Context.Service<
  Inside,
  {
    readonly wait: (id: string) => Effect.Effect<void>
    readonly calls: Array<string>
    /** How long the next move is waited for. */
    readonly patience?: ExecuteOptions["patience"]
  }
>()("fibric/test/support/accounts/Inside") {}

/** The connector asks the executor for the next move, and answers with what became of it. */
export const layerMoves = Connector.make("moves", Move).toLayer(
  Effect.gen(function* () {
    const { calls, patience, wait } = yield* Inside
    const executor = yield* Executor
    return {
      move: ({ occasion, onward }, { entity }) =>
        Effect.gen(function* () {
          calls.push(entity.id)
          yield* wait(entity.id)
          const [next, ...rest] = onward
          if (next === undefined) return [entity.id]
          // A connector that asks for its own capability: its mark can't be there before it is built.
          const options = patience === undefined ? {} : { patience }
          const inner = executor.execute(move(next, occasion, rest), options) as unknown as Effect.Effect<
            { readonly receipt: { readonly body: string | null } },
            { readonly _tag: string }
          >
          return yield* Effect.match(inner, {
            onSuccess: ({ receipt }) => [entity.id, receipt.body ?? ""],
            onFailure: ({ _tag }) => [entity.id, _tag]
          })
        })
    }
  })
)

/** A barrier for the given accounts: nobody goes on before all are inside of their calls. */
export const meeting = (ids: ReadonlyArray<string>) => {
  const arrived = new Map(ids.map((id) => [id, Deferred.makeUnsafe<void>()]))
  return (id: string) =>
    Effect.gen(function* () {
      const own = arrived.get(id)
      if (own !== undefined) yield* Deferred.succeed(own, undefined)
      yield* Effect.forEach(arrived.values(), Deferred.await, { discard: true })
    })
}
