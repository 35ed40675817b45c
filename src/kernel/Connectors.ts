/**
 * Connectors: which capabilities this process can carry out, by name.
 *
 * Filled while layers are built. A name stands for one capability; a second one with the name is
 * refused at start, because two meanings under one verb would share keys. A connector that closes is
 * taken out first, and then keeps what it needs until its calls have ended, up to the bound.
 */
import { Context, Deferred, Effect, Exit, Layer, type Scope } from "effect"
import type * as Capability from "../domain/Capability.ts"
import { StartRefused } from "../domain/errors.ts"
import type { Sealed } from "./Sealed.ts"
import { Settings } from "./Settings.ts"

/** A capability with the function that carries it out. */
export interface Registration {
  readonly connector: string
  readonly capability: Capability.Any
  readonly sealed: Sealed
}

export class Connectors extends Context.Service<
  Connectors,
  {
    /**
     * Adds a capability until the surrounding scope closes, which waits for its calls up to
     * `drainMillis`. Fails with `StartRefused` (`capability_taken`) where the name is in use.
     */
    readonly register: (registration: Registration) => Effect.Effect<void, StartRefused, Scope.Scope>
    /**
     * Holds a connector while `use` runs, so that it does not close meanwhile. `use` gets the sealed
     * function, or `undefined` where nothing here carries the capability out.
     */
    readonly holding: <A, E, R>(
      name: string,
      use: (sealed: Sealed | undefined) => Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E, R>
    /** The name of the connector that carries a capability out here, where one does. */
    readonly connectorOf: (capability: string) => string | undefined
    /** The capabilities that are carried out here now. */
    readonly capabilities: Effect.Effect<ReadonlyArray<Capability.Any>>
    /** Returns once there is, or was, a capability here: connectors are built on the kernel, after it. */
    readonly first: Effect.Effect<void>
  }
>()("fibric/kernel/Connectors") {
  static readonly layer = Layer.effect(
    Connectors,
    Effect.map(Settings, ({ drainMillis }) => {
      const byName = new Map<string, Entry>()
      const first = Deferred.makeUnsafe<void>()

      const add = (registration: Registration): Effect.Effect<Entry, StartRefused> => {
        const { capability, connector, sealed } = registration
        if (registered.has(sealed)) {
          return Effect.die(`Bug: the seal of "${capability.name}" is registered already`)
        }
        const taken = byName.get(capability.name)
        if (taken !== undefined) return Effect.fail(capabilityTaken(capability.name, connector, taken))
        const entry: Entry = { registration, calls: 0, idle: undefined }
        byName.set(capability.name, entry)
        registered.add(sealed)
        Deferred.doneUnsafe(first, Exit.void)
        return Effect.succeed(entry)
      }

      const remove = (entry: Entry): Effect.Effect<void> =>
        Effect.suspend(() => {
          byName.delete(entry.registration.capability.name)
          if (entry.calls === 0 || drainMillis === 0) return Effect.void
          entry.idle = Deferred.makeUnsafe<void>()
          return Effect.asVoid(Effect.timeoutOption(Deferred.await(entry.idle), drainMillis))
        })

      return Connectors.of({
        first: Deferred.await(first),
        register: (registration) =>
          Effect.asVoid(
            Effect.acquireRelease(
              Effect.suspend(() => add(registration)),
              remove
            )
          ),
        holding: (name, use) =>
          Effect.uninterruptibleMask((restore) => {
            const entry = byName.get(name)
            if (entry === undefined) return restore(use(undefined))
            entry.calls += 1
            const used = Effect.suspend(() => use(entry.registration.sealed))
            return Effect.onExit(restore(used), () => {
              ended(entry)
              return Effect.void
            })
          }),
        connectorOf: (capability) => byName.get(capability)?.registration.connector,
        capabilities: Effect.sync(() =>
          [...byName.values()].map(({ registration }) => registration.capability)
        )
      })
    })
  )
}

/**
 * A seal belongs to the registry that it came to first. In another one's hands, such as that of a runtime
 * with a ledger of its own, its function could run again for what it has done.
 */
const registered = new WeakSet<Sealed>()

interface Entry {
  readonly registration: Registration
  calls: number
  /** Done when the last call has ended, for a connector that closes. */
  idle: Deferred.Deferred<void> | undefined
}

const ended = (entry: Entry): void => {
  entry.calls -= 1
  if (entry.calls === 0 && entry.idle !== undefined) Deferred.doneUnsafe(entry.idle, Exit.void)
}

const capabilityTaken = (name: string, connector: string, taken: Entry): StartRefused =>
  new StartRefused({
    problem: "capability_taken",
    sentence: `The connector "${connector}" brings a capability "${name}", but "${taken.registration.connector}" already has one of that name. Names are unique in a ledger; rename one of them.`
  })
