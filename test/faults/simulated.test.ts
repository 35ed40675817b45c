/**
 * Processes that are killed, callers that leave, wires that lose what networks lose, and clocks that jump,
 * each at one step of an action: simulated, because there a step is a step.
 */
import { assert, describe, it } from "@effect/vitest"
import type * as Faults from "../../src/testing/simulation/Faults.ts"
import { fault } from "../support/fault.ts"
import { type End, pay, ring, simulate } from "./simulated.ts"

/** The first time that a step is taken. */
const at = (step: Faults.Step, fault: Faults.FaultName): Faults.Planned => ({ fault, step, nth: 1 })

/** From whatever seed. */
const ends = (ends: ReadonlyArray<End>, expected: Partial<End>) => {
  const once: End = { effects: 1, answer: "performed", receipts: ["performed"], kills: 0 }
  assert.deepStrictEqual(
    ends,
    ends.map(() => ({ ...once, ...expected }))
  )
}

describe("a process that is killed", () => {
  it(`${fault("killed before the claim")} before its claim was sent leaves nothing: the next request is performed`, () => {
    ends(simulate(ring, [at("find", "kill-landed")]), { kills: 1 })
  })

  it(`${fault("killed after the claim")} with its claim durable leaves a doubt, and nothing is sent`, () => {
    const end = simulate(ring, [at("claim", "kill-landed")])
    ends(end, { effects: 0, answer: "InDoubt", receipts: ["in_doubt"], kills: 1 })
  })

  it(`${fault("killed after the claim")} with its claim durable is followed by another one, where the provider recognises the key`, () => {
    const end = simulate(pay, [at("claim", "kill-landed")])
    ends(end, { receipts: ["in_doubt", "performed"], kills: 1 })
  })

  it(`${fault("killed while sending")} with its request on the way leaves a doubt: it happens, and is not sent again`, () => {
    const end = simulate(ring, [at("call", "kill-before-effect")])
    ends(end, { answer: "InDoubt", receipts: ["in_doubt"], kills: 1 })
  })

  it(`${fault("killed while sending")} with its request on the way is followed by another one, which the provider recognises: one effect`, () => {
    const end = simulate(pay, [at("call", "kill-before-effect")])
    ends(end, { receipts: ["in_doubt", "performed"], kills: 1 })
  })

  it(`${fault("killed after the acknowledgement")} when the effect was there leaves a doubt, and it is not sent again`, () => {
    const end = simulate(ring, [at("call", "kill-after-effect")])
    ends(end, { answer: "InDoubt", receipts: ["in_doubt"], kills: 1 })
  })

  it(`${fault("killed after settling")} when its settlement was durable has said it all: the next request gets that receipt`, () => {
    ends(simulate(ring, [at("settle", "kill-landed")]), { kills: 1 })
  })
})

describe("an action that crashes its process each time", () => {
  /** So that several attempts fit into the time of the faults. */
  const bounds = { leaseMillis: 300, beatMillis: 100, reapMillis: 100, recoverMillis: 100 }

  it(`${fault("crashes every time")} crashes one, and is in doubt for all who ask afterwards`, () => {
    const end = simulate(ring, [at("call", "kill-before-effect")], {
      bounds,
      asksAtMillis: [0, 2_000, 4_000]
    })
    ends(end, { answer: "InDoubt", receipts: ["in_doubt"], kills: 1 })
  })

  it(`${fault("crashes every time")} crashes as many as attempts were declared, and is left to a person then`, () => {
    const again = (nth: number): Faults.Planned => ({ fault: "kill-before-effect", step: "callAgain", nth })
    const end = simulate(pay, [at("call", "kill-before-effect"), again(1)], { bounds })
    ends(end, { receipts: ["in_doubt", "in_doubt", "performed"], kills: 2 })
    const each = simulate(pay, [at("call", "kill-before-effect"), again(1), again(2)], { bounds })
    ends(each, { answer: "InDoubt", receipts: ["in_doubt", "in_doubt", "in_doubt"], kills: 3 })
  })
})

describe("a caller that is interrupted", () => {
  for (const step of ["find", "claim", "call"] as const) {
    it(`${fault("caller interrupted")} at its ${step} leaves the action to go on: one effect, and its receipt for who asks next`, () => {
      ends(simulate(ring, [at(step, "interrupt-caller")]), {})
    })
  }

  it(`${fault("caller interrupted")} while its repeat is written down takes nothing from who asked first`, () => {
    ends(simulate(ring, [at("record", "interrupt-caller")], { asksAtMillis: [0, 3_000] }), {})
  })
})

describe("a ledger that is restarted", () => {
  it(`${fault("server restarted")} before it could confirm a claim: nothing is sent on that claim, and the next request performs`, () => {
    for (const { answer, effects, receipts } of simulate(ring, [at("claim", "restart-ledger")])) {
      assert.deepStrictEqual([effects, answer], [1, "performed"])
      // Where it had landed and was given up, that is written down too.
      assert.include(["performed", "released performed"], receipts.join(" "))
    }
  })

  it(`${fault("server restarted")} before it could confirm a settlement: it is asked for again, and is one receipt`, () => {
    ends(simulate(ring, [at("settle", "restart-ledger")]), {})
  })
})

describe("a wire to the ledger", () => {
  it(`${fault("request lost")} that loses the claim and the settlement delays them: one effect, one receipt`, () => {
    ends(simulate(ring, [at("claim", "lose-request"), at("settle", "lose-request")]), {})
  })

  it(`${fault("reply lost", "one way lost")} that loses the answers to the claim and to the settlement: each is run again and changes nothing more`, () => {
    ends(simulate(ring, [at("claim", "lose-reply"), at("settle", "lose-reply")]), {})
  })

  it(`${fault("one way lost")} that loses the answer to a heartbeat and to a repeat's receipt: nothing is performed or counted twice`, () => {
    ends(
      simulate(ring, [at("beat", "lose-reply"), at("record", "lose-reply")], { asksAtMillis: [0, 3_000] }),
      {}
    )
  })

  it(`${fault("statement lands late", "delay")} that delivers an old claim long after it was given up: it claims nothing`, () => {
    ends(simulate(ring, [at("claim", "land-late")]), {})
  })

  it(`${fault("statement lands late", "delay")} that delivers an old settlement after its copy: it adds no receipt`, () => {
    ends(simulate(ring, [at("settle", "land-late")]), {})
  })

  it(`${fault("partition after the claim")} that is cut after the claim: what was performed is settled once it is whole again`, () => {
    for (const { answer, effects, receipts } of simulate(ring, [at("settle", "partition")])) {
      assert.deepStrictEqual([effects, receipts.at(-1)], [1, answer])
      // Whether it was called doubtful meanwhile depends on how long that took.
      assert.include(["performed", "in_doubt resolved"], receipts.join(" "))
    }
  })

  it(`${fault("partition after the claim")} that is cut after the claim: where another process sends it again meanwhile, the provider recognises it`, () => {
    for (const { answer, effects, receipts } of simulate(pay, [at("settle", "partition")])) {
      assert.deepStrictEqual([effects, receipts.at(-1)], [1, answer])
      assert.include(["performed", "in_doubt performed", "in_doubt resolved"], receipts.join(" "))
    }
  })
})

describe("the ledger's clock", () => {
  /** The reaper looks while the call is under way. */
  const bounds = { reapMillis: 2 }

  it(`${fault("database clock jumps")} jumps an hour ahead during a call: a doubt, which its success resolves; one effect`, () => {
    const end = simulate(ring, [at("claim", "jump-ahead")], { bounds })
    ends(end, { answer: "resolved", receipts: ["in_doubt", "resolved"] })
  })

  it(`${fault("database clock jumps")} is set back during a call, or at its settlement: nothing of it is seen`, () => {
    ends(simulate(ring, [at("claim", "jump-back")], { bounds }), {})
    ends(simulate(ring, [at("settle", "jump-back")], { bounds }), {})
  })

  it(`${fault("database clock jumps")} jumps while the provider's window is open: nothing is sent again outside of it`, () => {
    const end = simulate(pay, [at("call", "lose-answer"), at("settle", "jump-ahead")])
    ends(end, { answer: "InDoubt", receipts: ["in_doubt"] })
  })
})

describe("a connector that performs", () => {
  it(`${fault("connector hangs")} and never answers leaves a doubt, and is not called again`, () => {
    const end = simulate(ring, [at("call", "lose-answer")])
    ends(end, { answer: "InDoubt", receipts: ["in_doubt"] })
  })

  it(`${fault("connector answers garbage")} and answers with what nobody declared leaves a doubt, and is not called again`, () => {
    const end = simulate(ring, [at("call", "garbage")])
    ends(end, { answer: "InDoubt", receipts: ["in_doubt"] })
  })

  it(`${fault("timeout hid a success")} and answers after the deadline settles the doubt that its silence made`, () => {
    const end = simulate(ring, [at("call", "late-answer")])
    ends(end, { answer: "resolved", receipts: ["in_doubt", "resolved"] })
  })
})
