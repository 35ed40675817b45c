import { assert, describe, it } from "@effect/vitest"
import type { Attempt, Receipt, Record, Row } from "../../scripts/chaos/judge/Record.ts"
import { tooLittle, verdictOf, violations } from "../../scripts/chaos/judge/verdict.ts"
import type { Ordered } from "../../scripts/chaos/OutsideWorld.ts"
import { type CapabilityName, labelOf } from "../../scripts/chaos/Wish.ts"

const change = (capability: CapabilityName, occasion = "c0") => ({ capability, entity: "e", occasion })

type Change = ReturnType<typeof change>

const order = (of: Change, fields: Partial<Ordered> = {}): Ordered => ({
  ...of,
  key: `fibric-${labelOf(of)}-0`,
  attempt: 1,
  worker: "w1",
  fate: "done",
  arrivedAt: 1_100,
  effect: `${labelOf(of)}#1`,
  recognised: false,
  endedAt: 1_200,
  ...fields
})

const attempt = (of: Change, fields: Partial<Attempt> = {}): Attempt => ({
  key: labelOf(of),
  attempt: 1,
  generation: 0,
  operator: "w1",
  claimedAt: 1_000,
  ...fields
})

const receipt = (of: Change, fields: Partial<Receipt> = {}): Receipt => ({
  id: `r-${labelOf(of)}`,
  at: 1_300,
  outcome: "performed",
  operator: "w1",
  key: labelOf(of),
  attempt: 1,
  count: 1,
  proof: null,
  reason: null,
  ...fields
})

const row = (of: Change, fields: Partial<Row> = {}): Row => ({
  key: labelOf(of),
  capability: of.capability,
  entity: of.entity,
  state: "done",
  attempt: 1,
  silentForMillis: 0,
  dueForMillis: null,
  ...fields
})

const asked = (of: Change, answer: string, receipt: string | null): Record["asked"][number] => ({
  ...of,
  n: 1,
  key: labelOf(of),
  worker: "w1",
  answer: { answer, receipt },
  died: false
})

const record = (fields: Partial<Record> = {}): Record => ({
  rows: [],
  attempts: [],
  receipts: [],
  transacted: [],
  states: [],
  orders: [],
  asked: [],
  verification: {
    head: { chain: "c", number: 0, hash: "" },
    seals: 0,
    rows: 0,
    receipts: 0,
    unsealed: 0,
    tail: "checked",
    findings: []
  },
  crashed: 0,
  ...fields
})

const one = change("hold")

/** A key that was claimed, performed, settled and answered. */
const settled = (of: Change = one): Partial<Record> => ({
  rows: [row(of)],
  attempts: [attempt(of)],
  receipts: [receipt(of)],
  orders: [order(of)],
  asked: [asked(of, "Performed", `r-${labelOf(of)}`)]
})

const namesOf = (fields: Partial<Record>) => violations(record(fields)).map(({ name }) => name)

describe("the judge of the chaos harness", () => {
  it("finds nothing where a key was claimed, performed, settled and answered", () => {
    assert.deepStrictEqual(namesOf(settled()), [])
  })

  it("sees a second effect, unless somebody's word had released the key by declaration", () => {
    const twice = (of: Change, proof: string | null): Partial<Record> => ({
      ...settled(of),
      attempts: [attempt(of), attempt(of, { attempt: 2, claimedAt: 5_000 })],
      orders: [order(of), order(of, { attempt: 2, arrivedAt: 5_100, endedAt: 5_200, effect: "second" })],
      receipts: [
        receipt(of, { id: "free", at: 4_000, outcome: "released", proof }),
        receipt(of, { at: 5_300, attempt: 2 })
      ]
    })
    assert.deepStrictEqual(namesOf(twice(one, null)), ["DUPLICATE", "PHANTOM"])
    assert.deepStrictEqual(namesOf(twice(change("lookup"), "testimony")), ["DUPLICATE"])
    assert.deepStrictEqual(namesOf(twice(change("release"), "testimony")), [])
  })

  it("counts an order that the provider recognised as no second effect", () => {
    const of = change("resend")
    const orders = [order(of), order(of, { attempt: 2, arrivedAt: 2_000, recognised: true })]
    const attempts = [attempt(of), attempt(of, { attempt: 2, claimedAt: 1_900 })]
    assert.deepStrictEqual(namesOf({ ...settled(of), orders, attempts }), [])
  })

  it("excuses a resend that outlived the provider's memory only if it was claimed within it", () => {
    const of = change("resend")
    const late = (claimedAt: number): Partial<Record> => ({
      ...settled(of),
      attempts: [attempt(of), attempt(of, { attempt: 2, claimedAt })],
      orders: [order(of), order(of, { attempt: 2, arrivedAt: 17_000, endedAt: 17_100, effect: "second" })]
    })
    assert.deepStrictEqual(namesOf(late(15_000)), [])
    assert.deepStrictEqual(namesOf(late(16_500)), ["DUPLICATE"])
  })

  it("sees two keys of an entity at once, and a doubt does not excuse them", () => {
    const other = change("lookup", "c1")
    const both = (said: Partial<Receipt>): Partial<Record> => ({
      rows: [row(one, { state: "in_doubt" }), row(other)],
      attempts: [attempt(one), attempt(other, { claimedAt: 1_450 })],
      orders: [order(one, { endedAt: 3_000 }), order(other, { arrivedAt: 1_500, endedAt: 1_600 })],
      receipts: [receipt(one, { at: 1_400, ...said }), receipt(other, { at: 1_700 })]
    })
    assert.deepStrictEqual(namesOf(both({ outcome: "in_doubt" })), ["OVERLAP"])
    assert.deepStrictEqual(namesOf(both({ outcome: "released", proof: "never_started" })), [
      "OVERLAP",
      "PHANTOM"
    ])
    assert.deepStrictEqual(namesOf(both({ outcome: "resolved" })), [])
    assert.deepStrictEqual(namesOf(both({ outcome: "released", proof: "testimony" })), [])
  })

  it("sees a receipt without an effect, and a proof against one", () => {
    assert.deepStrictEqual(namesOf({ ...settled(), orders: [] }), ["PHANTOM"])
    assert.deepStrictEqual(
      namesOf({
        ...settled(),
        rows: [row(one, { state: "released" })],
        receipts: [receipt(one, { outcome: "released", proof: "never_started" })],
        asked: []
      }),
      ["PHANTOM", "PHANTOM"]
    )
  })

  it("sees a proof against an attempt that happened, whatever became of the key", () => {
    const denied = receipt(one, { id: "denied", at: 1_250, outcome: "released", proof: "provider_denies" })
    const attempts = [attempt(one), attempt(one, { attempt: 2, claimedAt: 1_260 })]
    const done = receipt(one, { attempt: 2 })
    assert.deepStrictEqual(namesOf({ ...settled(), attempts, receipts: [denied, done] }), ["PHANTOM"])
    const orders = [order(one, { attempt: 2, arrivedAt: 1_270, endedAt: 1_290 })]
    assert.deepStrictEqual(namesOf({ ...settled(), attempts, receipts: [denied, done], orders }), [])
  })

  it("sees a caller who was told what the ledger does not say", () => {
    assert.deepStrictEqual(namesOf({ ...settled(), asked: [asked(one, "Performed", "another")] }), ["LOST"])
    assert.deepStrictEqual(
      namesOf({
        ...settled(),
        rows: [row(one, { state: "in_doubt" })],
        receipts: [receipt(one, { outcome: "in_doubt" })],
        asked: [asked(one, "Declined", null)]
      }),
      ["LOST"]
    )
  })

  it("sees an effect that nobody had claimed", () => {
    assert.deepStrictEqual(namesOf({ ...settled(), attempts: [attempt(one, { claimedAt: 1_500 })] }), [
      "NO-CLAIM"
    ])
    assert.deepStrictEqual(namesOf({ ...settled(), asked: [], attempts: [] }), ["NO-CLAIM"])
  })

  it("sees what does not come to an end", () => {
    assert.deepStrictEqual(
      namesOf({
        rows: [row(one, { state: "performing", silentForMillis: 9_000 })],
        attempts: [attempt(one)]
      }),
      ["STUCK"]
    )
    assert.deepStrictEqual(
      namesOf({ rows: [row(one, { state: "in_doubt", dueForMillis: 9_000 })], attempts: [attempt(one)] }),
      ["STUCK"]
    )
    assert.deepStrictEqual(namesOf({ asked: [{ ...asked(one, "", null), answer: undefined }] }), ["STUCK"])
  })

  it("sees an answer that no receipt tells of, and a receipt that nobody asked for", () => {
    const repeat = receipt(one, { id: "again", outcome: "deduplicated", operator: "w2" })
    const again = { ...asked(one, "Performed", "r-hold:thing-e:c0"), n: 2, worker: "w2" }
    const { asked: first = [], receipts = [] } = settled()
    const both = { ...settled(), asked: [...first, again] }
    assert.deepStrictEqual(namesOf({ ...both, receipts: [...receipts, repeat] }), [])
    assert.deepStrictEqual(namesOf(both), ["UNLOGGED"])
    assert.deepStrictEqual(namesOf({ ...both, receipts: [...receipts, { ...repeat, count: 2 }] }), [
      "UNLOGGED"
    ])
  })

  it("sees a state that its changes do not come to", () => {
    const counted = settled(change("counted"))
    const state = (version: number, state: string) => [{ entity: "e", version, state }]
    assert.deepStrictEqual(namesOf({ ...counted, states: state(1, `{"count":1}`) }), [])
    assert.deepStrictEqual(namesOf({ ...counted, states: state(2, `{"count":2}`) }), ["STATE"])
    assert.deepStrictEqual(namesOf({ ...counted, states: state(1, `{"count":2}`) }), ["STATE"])
  })

  it("calls a silent run vacuous where too little has happened, and a violation by its name", () => {
    const numbers = { kills: 50, stops: 25, restarts: 1, cuts: 10, effects: 100, answers: 1, definite: 0.7 }
    assert.deepStrictEqual(tooLittle(numbers, 30), [])
    assert.deepStrictEqual(tooLittle({ ...numbers, kills: 49, definite: 0.69 }, 30), [
      "49 kills of at least 50",
      "a definite share of 0.69"
    ])
    assert.strictEqual(verdictOf([], []), "ok")
    assert.strictEqual(verdictOf([], ["49 kills of at least 50"]), "VACUOUS")
    assert.strictEqual(verdictOf([{ name: "LOST", sentence: "" }], ["49 kills of at least 50"]), "LOST")
  })
})
