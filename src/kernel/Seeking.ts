/**
 * Seeking: whether a key is new, for whoever has to wait anyway and takes it for new. Asked alone that costs
 * a statement; a hot lane settles one action after the other, and each of these statements can say it by the
 * way.
 *
 * It only ever says that a key is new. Whatever else is so, and whatever is not said within some
 * milliseconds, is for a look of its own to find out: nobody waits for what happens in a lane.
 */
import { Deferred, Effect, type Scope } from "effect"
import type { KeyName } from "./Ledger.ts"
import * as Timers from "./Timers.ts"

/** How long a key is sought beside other statements. A repeat in a crowded lane is answered so much later. */
const seekMillis = 20

export interface Seeking {
  /** Whether nobody has claimed the key, as far as that was said in time. */
  readonly isNew: (key: KeyName) => Effect.Effect<boolean>
  /** Runs a statement that can say so of as many keys, for those that are sought now. */
  readonly along: <A extends { readonly areNew: boolean }, E>(
    maxKeys: number,
    statement: (sought: ReadonlyArray<KeyName>) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
}

interface Sought {
  readonly key: KeyName
  readonly tell: (isNew: boolean) => void
}

export const make = Effect.fnUntraced(function* (scope: Scope.Scope): Effect.fn.Return<Seeking> {
  const timers = yield* Timers.make(scope)
  const waiting = new Set<Sought>()

  const isNew = (key: KeyName): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      const told = Deferred.makeUnsafe<boolean>()
      const tell = (isNew: boolean): void => {
        waiting.delete(sought)
        timer.takeBack()
        Deferred.doneUnsafe(told, Effect.succeed(isNew))
      }
      const sought: Sought = { key, tell }
      const timer = timers.after(seekMillis, () => tell(false))
      waiting.add(sought)
      return Deferred.await(told)
    })

  const along: Seeking["along"] = (maxKeys, statement) =>
    Effect.suspend(() => {
      const sought = [...waiting].slice(0, maxKeys)
      const said = statement(sought.map(({ key }) => key))
      return sought.length === 0
        ? said
        : Effect.tap(said, ({ areNew }) => Effect.sync(() => sought.forEach(({ tell }) => tell(areNew))))
    })

  return { isNew, along }
})
