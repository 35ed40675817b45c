/**
 * The table by which a door's outcome is judged, and the two moments at which a command may leave.
 */
import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import { commandIdFor } from "../../connectors/door/Command.ts"
import { Departure } from "../../connectors/door/Departure.ts"
import { answerIn, saysOf, stateIn } from "../../connectors/door/device.ts"
import { brokerSaid, deviceSaid, endedAt } from "../../connectors/door/verdict.ts"

const id = "f00d"

describe("a door's verdict", () => {
  it("goes on where the broker has taken the command, with a code or without any", () => {
    assert.isUndefined(brokerSaid(undefined, id))
    assert.isUndefined(brokerSaid(0, id))
  })

  it("believes a broker that has not taken it, by each code that PUBREC has for that", () => {
    for (const code of [0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]) {
      const said = brokerSaid(code, id)
      assert.strictEqual(said?._tag, "NotPerformed")
      assert.strictEqual(said?._tag === "NotPerformed" && said.proof, "provider_denies")
    }
  })

  it("makes nothing of a code that PUBREC does not have", () => {
    const codes = Array.from({ length: 256 }, (_, code) => code)
    const known = new Set([0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])
    const tags = new Set(codes.filter((code) => !known.has(code)).map((code) => brokerSaid(code, id)?._tag))
    assert.deepStrictEqual([...tags], ["OutcomeUnknown"])
  })

  it("takes the device at its word", () => {
    assert.deepStrictEqual(deviceSaid({ result: "done" }, id), { command: id, by: "answer" })
    assert.include(deviceSaid({ result: "refused", reason: "jammed\u0007" }, id), {
      _tag: "DoorRefused",
      reason: "jammed"
    })
    assert.include(deviceSaid({ result: "refused", reason: "jammed \ud800" }, id), {
      reason: "jammed \ufffd"
    })
    assert.include(deviceSaid({ result: "expired" }, id), {
      _tag: "NotPerformed",
      proof: "provider_denies"
    })
  })

  it("proves by the stage alone what an ending without a word means", () => {
    assert.include(endedAt("held", "reset", id), { _tag: "NotPerformed", proof: "never_sent" })
    for (const stage of ["published", "released"] as const) {
      const ending = endedAt(stage, "reset", id)
      assert.strictEqual(ending._tag, "OutcomeUnknown")
      assert.include(ending.reason, `look for ${id} in the door's state`)
    }
  })
})

describe("a departure", () => {
  it("is in order, each step once", () => {
    const departure = new Departure(() => true)
    assert.deepStrictEqual(
      [
        departure.release(),
        departure.publish(),
        departure.publish(),
        departure.release(),
        departure.release()
      ],
      [false, true, false, true, false]
    )
    assert.strictEqual(departure.close(), "released")
  })

  it("is no more once its time is over, or it is closed", () => {
    let inTime = false
    const late = new Departure(() => inTime)
    assert.isFalse(late.publish())
    inTime = true
    assert.isTrue(late.publish())
    inTime = false
    assert.isFalse(late.release())
    const closed = new Departure(() => true)
    assert.strictEqual(closed.close(), "held")
    assert.isFalse(closed.publish())
  })
})

describe("a door's own word", () => {
  const state = (done: ReadonlyArray<string>) => ({ locked: true, done, remembers: 2 })

  it("is a no only while nothing can have been forgotten", () => {
    assert.deepStrictEqual(
      [
        saysOf(state([]), id),
        saysOf(state(["a"]), id),
        saysOf(state(["a", "b"]), id),
        saysOf(state(["a", id]), id)
      ],
      ["not_so_far", "not_so_far", "forgotten", "done"]
    )
  })

  it("is none where it is too long, or fits no schema", () => {
    const told = (text: string) => Option.isSome(stateIn(Buffer.from(text)))
    assert.isTrue(told(JSON.stringify(state([id]))))
    assert.isFalse(told(JSON.stringify({ ...state([]), padding: " ".repeat(65_536) })))
    assert.isFalse(told(JSON.stringify({ locked: true, done: [] })))
    assert.isFalse(told("locked"))
    assert.isTrue(Option.isSome(answerIn(Buffer.from(`{"result":"done"}`))))
    assert.isFalse(Option.isSome(answerIn(Buffer.from(`{"result":"refused"}`))))
  })
})

describe("a command's id", () => {
  it("is the same for every dispatch of a key, differs by key, and is what a device may see", () => {
    assert.strictEqual(commandIdFor("unlock:door-12:visit"), commandIdFor("unlock:door-12:visit"))
    assert.notStrictEqual(commandIdFor("unlock:door-12:visit"), commandIdFor("unlock:door-13:visit"))
    // Frozen: devices have these ids in their states.
    assert.strictEqual(commandIdFor("unlock:door-12:visit"), "617d3419e9ebb8f718d931c675d6e207")
  })
})
