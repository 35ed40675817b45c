/**
 * The door connector keeps every law, wherever its conversation with a broker is cut.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Laws from "fibric/testing/laws"
import { aedes, mosquitto, mosquittoPath, withoutMosquitto } from "../support/brokers.ts"
import { fault } from "../support/fault.ts"
import { door } from "./door-subject.ts"

/** All but the undisturbed call, and the undisturbed refusal where one is tried. */
const lawful = (report: Laws.Report, undisturbed: number) => {
  Laws.expectLawful(report)
  assert.isAtLeast(report.cuts, (report.trials - undisturbed) * 0.9)
  // A connection, a subscription, a state, a command in four packets, its answers, and a goodbye.
  assert.isAtLeast(report.trials, 80)
}

describe("the door connector", () => {
  it.live(
    `${fault("library retries")} keeps every law at every cut of a conversation over MQTT 3.1.1`,
    () =>
      Effect.gen(function* () {
        const broker = yield* aedes()
        lawful(yield* Laws.run(door(broker)), 1)
      }),
    90_000
  )

  it.live.skipIf(mosquittoPath === undefined)(
    `keeps them over MQTT 5 too${withoutMosquitto}`,
    () =>
      Effect.gen(function* () {
        const broker = yield* mosquitto()
        lawful(yield* Laws.run(door(broker)), 2)
      }),
    90_000
  )
})
