/**
 * Acknowledgements lost at every stage of a command, and how often the bolt turns: the short form of
 * `npm run door`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { run, surprises, type Tally } from "../../scripts/door/tally.ts"
import { aedes, mosquitto, mosquittoPath, withoutMosquitto } from "../support/brokers.ts"
import { fault } from "../support/fault.ts"

/** Each stage twice. */
const commands = 16

/** What is the same in every run: whether a word still comes before a cut is a matter of timing. */
const counted = ({ fibric: { performed, resolved, ...fibric }, ...rest }: Tally) => ({
  ...rest,
  fibric: { ...fibric, known: performed + resolved }
})

const bare = { qos: 1, commands: 1, actuations: 4 }

const always = { actuationsMax: 1, exactlyOneWherePublished: true, noneWhereNotPublished: true }

describe("a door under lost acknowledgements", () => {
  it.live(
    `${fault("library retries")} turns its bolt at most once for a command, and four times without fibric`,
    () =>
      Effect.gen(function* () {
        const tally = yield* run(yield* aedes(), commands)
        assert.deepStrictEqual(surprises(tally), [])
        // aedes passes a command on at PUBLISH: all of them.
        const fibric = { ...always, actuations: 16, published: 16, known: 16, inDoubt: 0 }
        assert.deepStrictEqual(counted(tally), { broker: "aedes", mqtt: "3.1.1", commands, fibric, bare })
      })
  )

  it.live.skipIf(mosquittoPath === undefined)(`does so over MQTT 5 too${withoutMosquitto}`, () =>
    Effect.gen(function* () {
      const tally = yield* run(yield* mosquitto(), commands)
      assert.deepStrictEqual(surprises(tally), [])
      // mosquitto passes a command on at PUBREL: not the four that PUBREL or the PUBREC before it was lost of.
      const fibric = { ...always, actuations: 12, published: 12, known: 12, inDoubt: 4 }
      assert.deepStrictEqual(counted(tally), { broker: "mosquitto", mqtt: "5", commands, fibric, bare })
    })
  )
})
