import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Entity } from "fibric"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

describe("an entity", () => {
  it("is addressed by its type and its id", () => {
    assert.deepStrictEqual(Entity.make("order").at("4471"), { type: "order", id: "4471" })
  })

  it("takes any id: what is wrong with one is said when an action is executed", () => {
    assert.deepStrictEqual(Entity.make("order").at(""), { type: "order", id: "" })
  })

  it("has a label for people", () => {
    assert.strictEqual(Entity.label({ type: "order", id: "4471" }), "order-4471")
  })

  it("has 32 bytes for the lane, another 32 where only the label is the same", () => {
    const one = { type: "order-4", id: "71" }
    const other = { type: "order", id: "4-71" }
    assert.strictEqual(Entity.label(one), Entity.label(other))
    assert.strictEqual(Entity.hash(one).length, 32)
    assert.notStrictEqual(hex(Entity.hash(one)), hex(Entity.hash(other)))
  })

  it.prop(
    "shares its hash with the same address only",
    [Schema.Tuple([Schema.String, Schema.String]), Schema.Tuple([Schema.String, Schema.String])],
    ([[type, id], [otherType, otherId]]) => {
      const same = type === otherType && id === otherId
      assert.strictEqual(
        hex(Entity.hash({ type, id })) === hex(Entity.hash({ type: otherType, id: otherId })),
        same
      )
    }
  )
})
