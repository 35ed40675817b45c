import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { Entity, IdempotencyKey } from "fibric"

const { bounds, validate } = IdempotencyKey

const keyOf = (verb: string, type: string, id: string, occasion: string) =>
  new IdempotencyKey.IdempotencyKey(verb, { type, id }, occasion)

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const good = keyOf("notify", "order", "4471", "shipped")

/** What `validate` says about a key: the part, the problem and the sentence; or `undefined`. */
const refusalOf = (key: IdempotencyKey.IdempotencyKey) =>
  Result.match(validate(key), {
    onSuccess: () => undefined,
    onFailure: ({ part, problem, sentence }) => ({ part, problem, sentence })
  })

/** The good key with one part replaced, by the part's name in the refusal. */
const withPart = {
  verb: (value: string) => keyOf(value, "order", "4471", "shipped"),
  "entity type": (value: string) => keyOf("notify", value, "4471", "shipped"),
  "entity id": (value: string) => keyOf("notify", "order", value, "shipped"),
  occasion: (value: string) => keyOf("notify", "order", "4471", value)
} as const

const parts = ["verb", "entity type", "entity id", "occasion"] as const

const boundOf = {
  verb: bounds.verb,
  "entity type": bounds.entityType,
  "entity id": bounds.entityId,
  occasion: bounds.occasion
} as const

describe("a key's label", () => {
  it("names verb, entity and occasion", () => {
    assert.strictEqual(good.label, "notify:order-4471:shipped")
  })

  it("is the key's text and its JSON", () => {
    assert.strictEqual(`${good}`, "notify:order-4471:shipped")
    assert.strictEqual(JSON.stringify({ key: good }), `{"key":"notify:order-4471:shipped"}`)
  })
})

describe("a key's hash", () => {
  it("is frozen: a ledger that has seen the key recognises it for ever", () => {
    assert.strictEqual(good.hash.length, 32)
    assert.strictEqual(hex(good.hash), "7ddb89213c220ba4639cdabfb2bdd1a47afe3a81f467087ffa268227c82cbbcb")
    assert.strictEqual(
      hex(Entity.hash({ type: "order", id: "4471" })),
      "5744b80e2aa41ad422625bb90b59387bbba5bdc476023ac94ab93384206d16dc"
    )
  })

  it("differs where the label does not", () => {
    const one = keyOf("notify", "order-4", "71", "shipped")
    const other = keyOf("notify", "order", "4-71", "shipped")
    assert.strictEqual(one.label, other.label)
    assert.notStrictEqual(hex(one.hash), hex(other.hash))
  })

  it("differs where a part's end moves into the next", () => {
    const spellings = [
      keyOf("a:b", "c", "d", "e"),
      keyOf("a", "b:c", "d", "e"),
      keyOf("a", "b", "c", "d:e"),
      keyOf("a", `b","c`, "d", "e"),
      keyOf("a", "b", `c","d`, "e"),
      keyOf("a\\", "b", "c", "d"),
      keyOf("a", "\\b", "c", "d")
    ]
    assert.strictEqual(new Set(spellings.map((key) => hex(key.hash))).size, spellings.length)
  })

  it("takes bytes as they are: no trimming, no case folding, no normalisation", () => {
    const spellings = ["Zoë", "Zoe\u0308", "zoë", "Zoë ", " Zoë", "Zoë\u200B"]
    const hashes = spellings.map((id) => hex(keyOf("greet", "person", id, "birthday").hash))
    assert.strictEqual(new Set(hashes).size, spellings.length)
  })

  it.prop(
    "is the same for the same parts and another for any other parts",
    [
      Schema.Tuple([Schema.String, Schema.String, Schema.String, Schema.String]),
      Schema.Tuple([Schema.String, Schema.String, Schema.String, Schema.String])
    ],
    ([one, other]) => {
      assert.strictEqual(hex(keyOf(...one).hash), hex(keyOf(...one).hash))
      const same = one.every((part, index) => part === other[index])
      assert.strictEqual(hex(keyOf(...one).hash) === hex(keyOf(...other).hash), same)
    }
  )
})

describe("a key is refused", () => {
  for (const part of parts) {
    const max = boundOf[part]

    it(`where its ${part} is empty`, () => {
      assert.deepStrictEqual(refusalOf(withPart[part]("")), { part, problem: "empty", sentence: "is empty" })
    })

    it(`where its ${part} contains NUL, which Postgres can't store`, () => {
      assert.deepStrictEqual(refusalOf(withPart[part]("a\u0000b")), {
        part,
        problem: "nul",
        sentence: "contains a NUL character"
      })
    })

    it(`where its ${part} contains half of a surrogate pair, which would collapse with others`, () => {
      for (const half of ["\uD83D", "a\uDE00b", "\uDE00\uD83D"]) {
        assert.deepStrictEqual(refusalOf(withPart[part](half)), {
          part,
          problem: "lone_surrogate",
          sentence: "contains half of a surrogate pair"
        })
      }
    })

    it(`where its ${part} is longer than ${max} characters, and not at ${max}`, () => {
      assert.strictEqual(refusalOf(withPart[part]("x".repeat(max))), undefined)
      assert.deepStrictEqual(refusalOf(withPart[part]("x".repeat(max + 1))), {
        part,
        problem: "too_long",
        sentence: `is longer than ${max} characters`
      })
    })

    it(`where its ${part} is no string, as an untyped caller may give it`, () => {
      for (const value of [undefined, null, 7, { toString: () => "shipped" }]) {
        // The types forbid it; JSON and plain JavaScript don't.
        const untyped = value as unknown as string
        assert.deepStrictEqual(refusalOf(withPart[part](untyped)), {
          part,
          problem: "not_a_string",
          sentence: "is not a string"
        })
      }
    })
  }

  it("for the first part that is wrong, in the order of reading", () => {
    assert.strictEqual(refusalOf(keyOf("", "", "", ""))?.part, "verb")
    assert.strictEqual(refusalOf(keyOf("notify", "", "", ""))?.part, "entity type")
    assert.strictEqual(refusalOf(keyOf("notify", "order", "", ""))?.part, "entity id")
    assert.strictEqual(refusalOf(keyOf("notify", "order", "4471", ""))?.part, "occasion")
  })
})

describe("a key is accepted", () => {
  it("as it is, and given back unchanged", () => {
    const accepted = validate(good)
    assert.isTrue(Result.isSuccess(accepted) && accepted.success === good)
  })

  it("with any other character, the separators, white space and emoji included", () => {
    for (const value of ["a:b-c", " ", "\n", "日本", "👩‍👩‍👧", "\uFFFD", "'; DROP TABLE ledger; --"]) {
      for (const part of parts) assert.strictEqual(refusalOf(withPart[part](value)), undefined)
    }
  })
})
