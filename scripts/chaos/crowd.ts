/**
 * crowd: who asks for what. A few hot entities, each with a few keys that several workers are asked for
 * at once and again; keys and entities rotate, so that what stays in doubt does not end the run.
 */
import { Effect } from "effect"
import * as Dice from "./Dice.ts"
import type { Fleet } from "./Fleet.ts"
import { capabilities, type CapabilityName, type Wish } from "./Wish.ts"

type Change = Omit<Wish, "n">

/** How many entities are asked for at once. */
const entitiesAtOnce = 6

/** How many changes an entity sees before the next one takes its place. */
const changesPerEntity = { least: 4, most: 9 } as const

/** Of a lane that a doubt holds there is nothing more to be had for a while. */
const heldTimes = 8

/** How long between two looks at an entity. */
const pauseMillis = { least: 60, most: 240 } as const

/** The changes that were asked for, each once. */
export const changesOf = (fleet: Fleet): ReadonlyArray<Change> => [
  ...new Map(
    fleet.log.map(({ capability, entity, key, occasion }) => [key, { capability, entity, occasion }] as const)
  ).values()
]

const slot = (fleet: Fleet, seed: number, number: number) =>
  Effect.gen(function* () {
    const dice = Dice.make(seed, `crowd ${number}`)
    for (let epoch = 1; ; epoch++) yield* wear(fleet, dice, `${number}x${epoch}`)
  })

/** Asks for an entity's changes, new ones and the last few again, until it has seen enough. */
const wear = Effect.fnUntraced(function* (fleet: Fleet, dice: Dice.Dice, entity: string) {
  const held = { times: 0 }
  const recent: Array<Change> = []
  const most = dice.whole(changesPerEntity.least, changesPerEntity.most)
  while (recent.length < most && held.times < heldTimes) {
    const before = recent[dice.whole(Math.max(0, recent.length - 3), Math.max(0, recent.length - 1))]
    const made: Change = {
      capability: dice.oneOf<CapabilityName>(capabilities),
      entity,
      occasion: `c${recent.length}`
    }
    const change = before === undefined || dice.chance(0.45) ? made : before
    if (change === made) recent.push(made)
    for (const { ended } of yield* askSeveral(fleet, dice, change)) {
      yield* Effect.forkChild(
        Effect.map(ended, ({ answer }) => {
          if (answer?.answer === "LaneHeld") held.times += 1
        })
      )
    }
    yield* Effect.sleep(dice.between(pauseMillis.least, pauseMillis.most))
  }
})

/** Two or three workers hear of it at the same moment, if there are so many. */
const askSeveral = Effect.fnUntraced(function* (fleet: Fleet, dice: Dice.Dice, change: Change) {
  const places = [...fleet.askable()]
  const several = dice.whole(1, 3)
  const chosen: Array<number> = []
  while (places.length > 0 && chosen.length < several) {
    chosen.push(...places.splice(dice.whole(0, places.length - 1), 1))
  }
  return yield* Effect.forEach(chosen, (place) => fleet.ask(place, change))
})

/** Asks without end. */
export const run = (fleet: Fleet, seed: number): Effect.Effect<void> =>
  Effect.asVoid(
    Effect.all(
      Array.from({ length: entitiesAtOnce }, (_, number) => slot(fleet, seed, number)),
      { concurrency: "unbounded", discard: true }
    )
  )

/** How many askings are under way at once when everything is asked for again. */
const againAtOnce = 48

/** Asks for every change again, each from two workers; returns when they have answered, or at the bound. */
export const again = (fleet: Fleet, boundMillis: number): Effect.Effect<void> =>
  Effect.asVoid(
    Effect.timeoutOption(
      Effect.forEach(
        changesOf(fleet),
        Effect.fnUntraced(function* (change, index) {
          const places = fleet.askable()
          const chosen = [places[index % places.length], places[(index + 1) % places.length]]
          const waits = yield* Effect.forEach(
            chosen.filter((place) => place !== undefined),
            (place) => fleet.ask(place, change)
          )
          yield* Effect.forEach(waits, ({ ended }) => ended, { concurrency: "unbounded" })
        }),
        { concurrency: againAtOnce, discard: true }
      ),
      boundMillis
    )
  )
