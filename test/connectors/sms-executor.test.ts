/**
 * Sms under the executor: a flood, a refusal, and a lost answer, which stays in doubt until a person decides.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { execute, Fibric, Operator, Recoverer, Verdicts } from "fibric"
import * as Sms from "fibric/connectors/sms"
import { fault } from "../support/fault.ts"
import * as FakeTwilio from "../support/FakeTwilio.ts"
import { optedOut, optionsFor } from "./sms-subject.ts"

const ada = Sms.Recipient.at("ada")
const message = { to: "+15558675310", text: "See you tomorrow at nine." }
const remind = Sms.sendSms.propose(ada, { purpose: "reminder 27", ...message })

const over = (port: number) => {
  const sms = Sms.layer(optionsFor(port, { answerTimeout: "500 millis" }))
  return Sms.layerSendSms.pipe(Layer.provideMerge(sms), Layer.provideMerge(Fibric.layerMemory))
}

describe("a text through the executor", () => {
  it.live("is sent once for 657 asks, with one receipt", () =>
    Effect.gen(function* () {
      const fake = yield* FakeTwilio.make()
      const answers = yield* Effect.all(
        Array.from({ length: 657 }, () => execute(remind)),
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(over(fake.port)))
      assert.strictEqual(new Set(answers.map(({ receipt }) => receipt.id)).size, 1)
      assert.lengthOf(yield* fake.texts, 1)
    })
  )

  it.live(`${fault("refused, then repeated")} replays Twilio's no without asking it again`, () =>
    Effect.gen(function* () {
      const fake = yield* FakeTwilio.make()
      const unwanted = Sms.sendSms.propose(ada, { purpose: "reminder 27", ...message, to: optedOut })
      const refusals = yield* Effect.gen(function* () {
        const first = yield* Effect.flip(execute(unwanted))
        yield* fake.behave("swallow")
        return [first, yield* Effect.flip(execute(unwanted))]
      }).pipe(Effect.provide(over(fake.port)))
      assert.deepStrictEqual(
        refusals.map((refusal) => [refusal._tag, "code" in refusal ? refusal.code : 0]),
        [
          ["SmsRefused", 21610],
          ["SmsRefused", 21610]
        ]
      )
    })
  )

  it.live("is free again when Twilio had no time for it", () =>
    Effect.gen(function* () {
      const fake = yield* FakeTwilio.make()
      yield* fake.behave("busy")
      const seen = yield* Effect.gen(function* () {
        const { _tag } = yield* Effect.flip(execute(remind))
        yield* fake.behave("well")
        return [_tag, (yield* execute(remind)).receipt.outcome]
      }).pipe(Effect.provide(over(fake.port)))
      assert.deepStrictEqual(seen, ["NotPerformed", "performed"])
    })
  )

  for (const behaviour of ["swallow", "shaken"] as const) {
    it.live(`stays in doubt, and is not sent again, when its answer is lost (${behaviour})`, () =>
      Effect.gen(function* () {
        const fake = yield* FakeTwilio.make()
        yield* fake.behave(behaviour)
        const tags = yield* Effect.gen(function* () {
          const first = yield* Effect.flip(execute(remind))
          yield* fake.behave("well")
          const { recoverDue } = yield* Recoverer
          yield* recoverDue
          const later = yield* Effect.replicateEffect(Effect.flip(execute(remind)), 2)
          return [first, ...later].map(({ _tag }) => _tag)
        }).pipe(Effect.provide(over(fake.port)))
        assert.deepStrictEqual(tags, ["InDoubt", "InDoubt", "InDoubt"])
        assert.lengthOf(yield* fake.texts, 1)
      })
    )
  }

  it.live("is settled by a person who has looked at the candidates", () =>
    Effect.gen(function* () {
      const fake = yield* FakeTwilio.make()
      yield* fake.behave("swallow")
      const output = yield* Effect.gen(function* () {
        yield* Effect.flip(execute(remind))
        const { texts } = yield* (yield* Sms.Sms).candidates(message)
        const found = texts.find(({ sameText }) => sameText)
        if (found === undefined) return yield* Effect.die("Bug: the fake has lost its text")
        const { sid, status } = found
        const verdict = { attempt: 1, reason: "it is in Twilio's log", output: { sid, status } }
        yield* Effect.flatMap(Verdicts, ({ itHappened }) => itHappened(remind, verdict))
        return (yield* execute(remind)).output
      }).pipe(Operator.as("grace"), Effect.provide(over(fake.port)))
      const [text] = yield* fake.texts
      assert.deepStrictEqual(Option.getOrUndefined(output), { sid: text?.sid ?? "", status: "queued" })
      assert.lengthOf(yield* fake.texts, 1)
    })
  )

  it.live("does not keep the recipient's other texts back while it is in doubt", () =>
    Effect.gen(function* () {
      const fake = yield* FakeTwilio.make()
      yield* fake.behave("swallow")
      const seen = yield* Effect.gen(function* () {
        const { _tag } = yield* Effect.flip(execute(remind))
        yield* fake.behave("well")
        const code = Sms.sendSms.propose(ada, { ...message, purpose: "login 8841", text: "8841" })
        return [_tag, (yield* execute(code)).receipt.outcome]
      }).pipe(Effect.provide(over(fake.port)))
      assert.deepStrictEqual(seen, ["InDoubt", "performed"])
    })
  )
})
