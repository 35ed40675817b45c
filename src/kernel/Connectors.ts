/**
 * Connectors: which capabilities this process can carry out, by name.
 *
 * Filled while layers are built. A name stands for one capability; a second one with the name is
 * refused at start, because two meanings under one verb would share keys.
 */
import { Context, Effect, Layer } from "effect"
import type * as Capability from "../domain/Capability.ts"
import { StartRefused } from "../domain/errors.ts"
import type { Sealed } from "./Sealed.ts"

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
     * Adds a capability until the layer that added it closes. Fails with `StartRefused`
     * (`capability_taken`) where the name is in use.
     */
    readonly register: (registration: Registration) => Effect.Effect<void, StartRefused>
    /** Takes it back. */
    readonly unregister: (registration: Registration) => Effect.Effect<void>
    /** The registration under a name, or `undefined`. */
    readonly find: (name: string) => Registration | undefined
  }
>()("fibric/kernel/Connectors") {
  static readonly layer = Layer.sync(Connectors, () => {
    const byName = new Map<string, Registration>()
    return Connectors.of({
      register: (registration) => {
        const { capability, connector } = registration
        const taken = byName.get(capability.name)
        if (taken !== undefined) {
          return Effect.fail(
            new StartRefused({
              cause: "capability_taken",
              sentence: `The connector "${connector}" brings a capability "${capability.name}", but "${taken.connector}" already has one of that name. Names are unique in a ledger; rename one of them.`
            })
          )
        }
        byName.set(capability.name, registration)
        return Effect.void
      },
      unregister: ({ capability }) => Effect.sync(() => void byName.delete(capability.name)),
      find: (name) => byName.get(name)
    })
  })
}
