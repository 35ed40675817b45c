/**
 * Doors for tests: an entity with a state, and capabilities that ask before they act. What reaches "the
 * world" is written down; a test decides when a call ends.
 */
import { Context, Deferred, Effect, Exit, Layer, Schema } from "effect"
import { Capability, Connector, Entity, Guard, Recovery } from "fibric"

export const DoorState = Schema.Struct({ locked: Schema.Boolean, turns: Schema.Int })

export const Door = Entity.make("door", { state: DoorState, initial: { locked: true, turns: 0 } })

/** Whether the building is open at all: a service that only a guard asks for. */
export class Building extends Context.Service<Building, { readonly isOpen: Effect.Effect<boolean> }>()(
  "fibric/test/support/doors/Building"
) {}

const turn = (locked: boolean) => (change: Capability.Change<typeof DoorState.Type, unknown>) => ({
  locked,
  turns: change.state.turns + 1
})

const options = {
  entity: Door,
  payload: { visit: Schema.String },
  success: Schema.Struct({ turned: Schema.String }),
  occasion: ({ visit }: { readonly visit: string }) => visit,
  recovery: Recovery.hold,
  deadline: "20 seconds",
  validity: "1 hour"
} as const

/** Only where it is locked, and while the building is open. */
export const Unlock = Capability.make("unlock", {
  ...options,
  guard: Effect.fnUntraced(function* ({ state }) {
    const { isOpen } = yield* Building
    if (!(yield* isOpen)) return yield* Guard.superseded("the building is closed")
    return yield* state.locked ? Guard.wanted : Guard.superseded("it is unlocked already")
  }),
  becomes: turn(false)
})

/** Always, also after a doubtful `unlock`. */
export const Lock = Capability.make("lock", { ...options, passesDoubt: true, becomes: turn(true) })

/** The newest one is enough. */
export const Display = Capability.make("display", { ...options, whenBusy: "latest" })

/** Not worth waiting for. */
export const Ring = Capability.make("ring", { ...options, whenBusy: "reject" })

export interface Hall {
  /** What the connector was called for, in order: `unlock 7 morning`. */
  readonly calls: Array<string>
  /** Calls wait for this, where it is there. */
  gate: Deferred.Deferred<void> | undefined
  /** How the next calls end; by default in success. */
  end: Effect.Effect<void, never>
  isOpen: boolean
  /** How often a guard has asked whether the building is open. */
  asked: number
  readonly called: (count: number) => Effect.Effect<void>
}

/** A hall of doors and the connector layer that acts on it. */
export const makeHall = () => {
  const waiting: Array<{ readonly count: number; readonly reached: Deferred.Deferred<void> }> = []
  const hall: Hall = {
    calls: [],
    gate: undefined,
    end: Effect.void,
    isOpen: true,
    asked: 0,
    called: (count) =>
      Effect.suspend(() => {
        if (hall.calls.length >= count) return Effect.void
        const reached = Deferred.makeUnsafe<void>()
        waiting.push({ count, reached })
        return Deferred.await(reached)
      })
  }
  const act =
    (name: string) =>
    ({ visit }: { readonly visit: string }, { entity }: { readonly entity: Entity.EntityAddress }) =>
      Effect.gen(function* () {
        hall.calls.push(`${name} ${entity.id} ${visit}`)
        for (const { count, reached } of waiting) {
          if (hall.calls.length >= count) Deferred.doneUnsafe(reached, Exit.void)
        }
        if (hall.gate !== undefined) yield* Deferred.await(hall.gate)
        yield* hall.end
        return { turned: visit }
      })
  const layer = Connector.make("doors", Unlock, Lock, Display, Ring)
    .toLayer({ unlock: act("unlock"), lock: act("lock"), display: act("display"), ring: act("ring") })
    .pipe(
      Layer.provide(
        Layer.succeed(Building, {
          isOpen: Effect.sync(() => {
            hall.asked += 1
            return hall.isOpen
          })
        })
      )
    )
  return { hall, layer }
}

export const unlock = (id: string, visit: string, decidedAt?: number) =>
  Unlock.propose(Door.at(id), { visit }, decidedAt === undefined ? {} : { decidedAt })

export const lock = (id: string, visit: string) => Lock.propose(Door.at(id), { visit })
