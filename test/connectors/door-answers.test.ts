/**
 * What a command comes to by what broker and device say: each reason code, silence, hanging up, and
 * words that are none. The fake says it; the table is the one in the connector's README.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { commandIdFor } from "../../connectors/door/index.ts"
import * as Broker from "../support/scripted-broker.ts"
import { callFor, commandOnce, lookUpOnce, options, outcomeOf } from "./door-support.ts"

const neverSent = "NotPerformed never_sent"
const denied = "NotPerformed provider_denies"
const unknown = "OutcomeUnknown"

interface Case {
  readonly when: string
  readonly script: Broker.Script
  readonly outcome: string
  /** What reached the broker. */
  readonly heard: string
  readonly deadline?: number
}

const call = callFor("unlock:door-12:visit")
const id = commandIdFor(call.key)
const whole = "connect subscribe publish pubrel disconnect"

const before: ReadonlyArray<Case> = [
  ...[0x80, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x97, 0x9f].map((connack): Case => ({
    when: `CONNACK says 0x${connack.toString(16)}`,
    script: { connack },
    outcome: neverSent,
    heard: "connect"
  })),
  {
    when: "the broker has no QoS 2",
    script: { properties: { maximumQoS: 1 } },
    outcome: neverSent,
    heard: "connect"
  },
  {
    when: "the broker keeps no retained messages",
    script: { properties: { retainAvailable: false } },
    outcome: neverSent,
    heard: "connect"
  },
  ...[0x80, 0x87, 0x8f, 0x97].map((suback): Case => ({
    when: `SUBACK says 0x${suback.toString(16)}`,
    script: { suback, state: "none" },
    outcome: neverSent,
    heard: "connect subscribe"
  })),
  {
    when: "the door has no state",
    script: { state: "none" },
    outcome: neverSent,
    heard: "connect subscribe",
    deadline: 1_500
  },
  {
    when: "the door's state can't be read",
    script: { state: `{"locked":"maybe"}` },
    outcome: neverSent,
    heard: "connect subscribe"
  },
  {
    when: "the deadline leaves less than a second",
    script: {},
    outcome: neverSent,
    heard: "",
    deadline: 1_000
  }
]

const byTheBroker: ReadonlyArray<Case> = [
  ...[0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99].map((pubrec): Case => ({
    when: `PUBREC says 0x${pubrec.toString(16)}, and no PUBREL follows`,
    script: { pubrec },
    outcome: denied,
    heard: "connect subscribe publish"
  })),
  {
    when: "PUBREC says nothing in time, and no PUBREL follows",
    script: { pubrec: "silence" },
    outcome: unknown,
    heard: "connect subscribe publish",
    deadline: 1_500
  },
  {
    when: "the broker hangs up on the command",
    script: { pubrec: "hang up" },
    outcome: unknown,
    heard: "connect subscribe publish"
  },
  {
    when: "PUBREC is another packet's",
    script: { pubrec: "another's" },
    outcome: unknown,
    heard: "connect subscribe publish"
  },
  {
    when: "the broker disconnects for its size",
    script: { pubrec: "disconnect" },
    outcome: unknown,
    heard: "connect subscribe publish"
  },
  {
    when: "the broker acknowledges all of it, and the door says nothing",
    script: {},
    outcome: unknown,
    heard: "connect subscribe publish pubrel",
    deadline: 1_500
  },
  {
    when: "PUBCOMP says 0x92",
    script: { pubcomp: 0x92 },
    outcome: unknown,
    heard: "connect subscribe publish pubrel"
  },
  {
    when: "the broker hangs up on the PUBREL",
    script: { pubcomp: "hang up" },
    outcome: unknown,
    heard: "connect subscribe publish pubrel"
  }
]

const done = `{"result":"done"}`

const byTheDoor: ReadonlyArray<Case> = [
  {
    when: "the door answers done",
    script: { device: ({ answer }) => [answer(done)] },
    outcome: "done by answer",
    heard: whole
  },
  {
    when: "the door's state has the command, and no answer comes",
    script: { device: ({ id, state }) => [state("another", id)] },
    outcome: "done by state",
    heard: whole
  },
  {
    when: "the door answers done, and PUBCOMP is lost",
    script: { device: ({ answer }) => [answer(done)], pubcomp: "silence" },
    outcome: "done by answer",
    heard: "connect subscribe publish pubrel"
  },
  {
    when: "the door's state has the command before it is sent, and it is not",
    script: { state: Broker.stateOf("another", id) },
    outcome: "done by state",
    heard: "connect subscribe disconnect"
  },
  {
    when: "the door refuses",
    script: { device: ({ answer }) => [answer(`{"result":"refused","reason":"jammed"}`)] },
    outcome: "DoorRefused",
    heard: "connect subscribe publish pubrel"
  },
  {
    when: "the door says that it came too late",
    script: { device: ({ answer }) => [answer(`{"result":"expired"}`)] },
    outcome: denied,
    heard: "connect subscribe publish pubrel"
  },
  {
    when: "the door answers before PUBREC, and no PUBREL follows",
    script: { passesOnAt: "publish", device: ({ answer }) => [answer(done)] },
    outcome: "done by answer",
    heard: "connect subscribe publish"
  },
  {
    when: "an earlier dispatch shows in the state before PUBREC, and no PUBREL follows",
    script: { passesOnAt: "publish", device: ({ id, state }) => [state(id)] },
    outcome: "done by state",
    heard: "connect subscribe publish"
  }
]

const noWord: ReadonlyArray<Case> = (
  [
    ["an answer that can't be read", ({ answer }) => [answer("done!"), answer(`{"result":"maybe"}`)]],
    ["an answer without its mark", ({ answer }) => [{ ...answer(done), properties: {} }]],
    [
      "an answer with another mark",
      ({ answer, id }) => [{ ...answer(done), properties: { correlationData: Buffer.from(`${id}.2`) } }]
    ],
    ["an answer that somebody retained", ({ answer }) => [{ ...answer(done), retain: true }]],
    ["a state with other commands only", ({ state }) => [state("another")]],
    ["a state that can't be read", ({ state }) => [{ ...state(), payload: "open" }]]
  ] satisfies ReadonlyArray<readonly [string, Broker.Script["device"]]>
).map(([when, device]) => ({
  when: `the door's word is ${when}`,
  script: { device },
  outcome: unknown,
  heard: "connect subscribe publish pubrel",
  deadline: 1_500
}))

// Most of them wait for a silence to end: side by side, each with a fake of its own.
describe.concurrent("a command to a door", () => {
  for (const { deadline, heard, outcome, script, when } of [
    ...before,
    ...byTheBroker,
    ...byTheDoor,
    ...noWord
  ]) {
    it.live(`is ${outcome} when ${when}`, () =>
      Effect.gen(function* () {
        const broker = yield* Broker.make(script)
        const result = yield* commandOnce(options(broker.port), {
          ...call,
          deadlineMillis: deadline ?? 10_000
        })
        assert.strictEqual(outcomeOf(result), outcome)
        // What is said in the background is said within a second.
        yield* broker.idle
        assert.strictEqual(yield* broker.heard, heard)
      })
    )
  }
})

describe("a question to a door", () => {
  const full = JSON.stringify({ locked: true, done: ["a", "b"], remembers: 2 })
  for (const [what, script, answer] of [
    ["found where its state has the command", { state: Broker.stateOf("another", id) }, "found"],
    [
      "nothing where its memory has room and not the command",
      { state: Broker.stateOf("another") },
      "nothing"
    ],
    [
      "no answer where its memory is full without the command",
      { state: full },
      "its memory is full, and may have had the command in it before"
    ],
    ["no answer where it has no state", { state: "none" }, "it told nothing of itself in time"],
    ["no answer where its state can't be read", { state: "{}" }, "it can't be read"],
    ["no answer where the broker lets nobody in", { connack: 0x87 }, "Connection refused: Not authorized"],
    ["no answer where nobody may listen", { suback: 0x87, state: "none" }, "Subscribe error: Not authorized"]
  ] as ReadonlyArray<readonly [string, Broker.Script, string]>) {
    it.live(`is ${what}`, () =>
      Effect.gen(function* () {
        const broker = yield* Broker.make(script)
        assert.strictEqual(
          yield* lookUpOnce(options(broker.port), { ...call, deadlineMillis: 1_000 }),
          answer
        )
        assert.notInclude(yield* broker.heard, "publish")
      })
    )
  }
})
