/**
 * lanes: one action of an entity at a time, by a chain of promises for each entity that has one under way.
 */
export interface Lanes {
  readonly enter: <A>(entity: string, turn: () => Promise<A>) => Promise<A>
}

export const make = (): Lanes => {
  const lanes = new Map<string, Promise<unknown>>()
  return {
    enter: async (entity, turn) => {
      const before = lanes.get(entity)
      const own = before === undefined ? turn() : before.then(turn, turn)
      lanes.set(entity, own)
      try {
        return await own
      } finally {
        if (lanes.get(entity) === own) lanes.delete(entity)
      }
    }
  }
}
