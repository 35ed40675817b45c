import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import {
  canonical,
  contentHashes,
  contentOf,
  differingPaths,
  make,
  pathHashes,
  rewordedPaths,
  wordingOf
} from "../../src/domain/Fingerprint.ts"
import { Content, rolesOf, Volatile } from "../../src/domain/PayloadField.ts"

/** JSON whose members stand in the opposite order, all the way down. */
const reversed = (value: Schema.Json): Schema.Json => {
  if (value === null || typeof value !== "object") return value
  if (Array.isArray(value)) return value.map((member: Schema.Json) => reversed(member))
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, member]: [string, Schema.Json]) => [name, reversed(member)])
  )
}

/** JSON as it comes from outside: the parser makes `__proto__` an ordinary member. */
const parsed = (json: string): Schema.Json => JSON.parse(json) as Schema.Json

/** The paths that a change is explained by. */
const explained = (before: Schema.Json, now: Schema.Json): ReadonlyArray<string> =>
  differingPaths(pathHashes(before, "secret"), pathHashes(now, "secret"))

const fields = (count: number, changes: Record<string, Schema.Json> = {}): Schema.Json => ({
  ...Object.fromEntries(Array.from({ length: count }, (_, index) => [`field${index}`, index])),
  ...changes
})

describe("the canonical form", () => {
  it("has no white space, and members in the order of their names", () => {
    const value = { b: 1, a: { d: [3, { z: 1, y: 2 }, []], c: null }, c: true, e: {} }
    assert.strictEqual(canonical(value), `{"a":{"c":null,"d":[3,{"y":2,"z":1},[]]},"b":1,"c":true,"e":{}}`)
  })

  it("orders names by UTF-16 code units, as RFC 8785 does", () => {
    assert.strictEqual(
      canonical({ "\uFB33": 5, "😀": 4, "\u20AC": 3, ö: 2, "1": 1, "\r": 0 }),
      `{"\\r":0,"1":1,"ö":2,"€":3,"😀":4,"\uFB33":5}`
    )
  })

  it("keeps the order of an array", () => {
    assert.notStrictEqual(canonical([1, 2]), canonical([2, 1]))
  })

  it("writes one number in one way", () => {
    assert.strictEqual(
      canonical([-0, 0, 1.0, 1e21, 1e-7, 0.000001, 123456789012345680000]),
      "[0,0,1,1e+21,1e-7,0.000001,123456789012345680000]"
    )
  })

  it("takes text as it is: composed and decomposed letters differ", () => {
    assert.strictEqual(canonical('é\u0001"\\/\u2028'), `"é\\u0001\\"\\\\/\u2028"`)
    assert.notStrictEqual(canonical("\u00E9"), canonical("e\u0301"))
  })

  it("leaves out what is undefined, as JSON does", () => {
    // The type has no `undefined`; an encoder that leaves an optional field in place gives it.
    assert.strictEqual(canonical({ a: 1, b: undefined as unknown as null }), `{"a":1}`)
  })

  it("treats a member named __proto__ like any other", () => {
    const value = parsed(`{"b":2,"__proto__":{"a":1}}`)
    assert.strictEqual(canonical(value), `{"__proto__":{"a":1},"b":2}`)
    assert.notStrictEqual(make(value), make({ b: 2 }))
    assert.notStrictEqual(make(value), make(parsed(`{"b":2,"__proto__":{"a":2}}`)))
  })

  it.prop("is the same in whatever order members come", [Schema.Json], ([value]) => {
    assert.strictEqual(canonical(reversed(value)), canonical(value))
  })

  it.prop("reads back as what it was made of", [Schema.Json], ([value]) => {
    const text = canonical(value)
    assert.deepStrictEqual(parsed(text), parsed(JSON.stringify(value)))
    assert.strictEqual(canonical(parsed(text)), text)
  })
})

describe("a fingerprint", () => {
  it("names its version and is frozen for it", () => {
    assert.strictEqual(
      make({ to: "ada@example.com", status: "shipped" }),
      "1:513354bab6cd120f1c64208310b4002d27907693d64d087d96aed507a95aff03"
    )
  })

  it.prop(
    "is the same for the same payload, and another for any other",
    [Schema.Json, Schema.Json],
    ([one, other]) => {
      assert.strictEqual(make(reversed(one)), make(one))
      assert.strictEqual(make(one) === make(other), canonical(one) === canonical(other))
    }
  )
})

describe("the paths that differ", () => {
  it("name each leaf that changed, came or went, by JSON pointer and in order", () => {
    const before = {
      to: "ada@example.com",
      items: [
        { sku: "a", count: 1 },
        { sku: "b", count: 1 }
      ],
      gone: 1
    }
    const now = {
      to: "eve@example.com",
      items: [
        { sku: "a", count: 2 },
        { sku: "b", count: 1 }
      ],
      come: null
    }
    assert.deepStrictEqual(explained(before, now), ["/come", "/gone", "/items/0/count", "/to"])
  })

  it("are none for the same payload", () => {
    assert.deepStrictEqual(explained({ a: [1, { b: 2 }], c: {} }, { c: {}, a: [1, { b: 2 }] }), [])
  })

  it("escape the characters that a JSON pointer gives a meaning to", () => {
    assert.deepStrictEqual(explained({ "a/b": 1, "m~n": 1, "": 1 }, { "a/b": 2, "m~n": 2, "": 2 }), [
      "/",
      "/a~1b",
      "/m~0n"
    ])
  })

  it("tell an empty list from an empty object and from nothing", () => {
    assert.deepStrictEqual(explained({ a: [] }, { a: {} }), ["/a"])
    assert.deepStrictEqual(explained({ a: [] }, {}), ["", "/a"])
  })

  it("name the whole payload where it is one value", () => {
    assert.deepStrictEqual(explained("one", "other"), [""])
  })

  it("see a member named __proto__", () => {
    assert.deepStrictEqual(explained(parsed(`{"__proto__":1}`), parsed(`{"__proto__":2}`)), ["/__proto__"])
  })

  it("name the leaves of a payload with 64 of them", () => {
    const before = { list: Array.from({ length: 63 }, () => 0), name: "x" }
    const now = { list: Array.from({ length: 63 }, (_, index) => (index === 62 ? 1 : 0)), name: "x" }
    assert.deepStrictEqual(explained(before, now), ["/list/62"])
  })

  it("name the top fields of a payload with more leaves than 64", () => {
    const before = { list: Array.from({ length: 64 }, () => 0), name: "x" }
    const now = { list: Array.from({ length: 64 }, (_, index) => (index === 62 ? 1 : 0)), name: "x" }
    assert.deepStrictEqual(explained(before, now), ["/list"])
    assert.deepStrictEqual(Object.keys(pathHashes(now, "secret")), ["/list", "/name"])
  })

  it("are never none for payloads that differ, however many top fields they have", () => {
    const before = fields(65)
    for (const changed of ["field0", "field9", "field64"]) {
      const now = fields(65, { [changed]: "other" })
      assert.notStrictEqual(make(before), make(now))
      assert.notDeepEqual(explained(before, now), [])
    }
    assert.isAtMost(Object.keys(pathHashes(before, "secret")).length, 64)
  })

  it.prop(
    "are the same from either side, and none only for what is the same",
    [Schema.Json, Schema.Json],
    ([one, other]) => {
      assert.deepStrictEqual(explained(one, other), explained(other, one))
      assert.strictEqual(explained(one, other).length === 0, make(one) === make(other))
    }
  )

  it("say nothing about the values: another ledger's hashes differ", () => {
    const here = pathHashes({ to: "ada@example.com" }, "this ledger's secret")
    const there = pathHashes({ to: "ada@example.com" }, "that ledger's secret")
    assert.match(here["/to"] ?? "", /^[0-9a-f]{16}$/)
    assert.notStrictEqual(here["/to"], there["/to"])
  })

  it("say nothing about which paths hold the same value", () => {
    const hashes = pathHashes({ to: "ada@example.com", from: "ada@example.com" }, "secret")
    assert.notStrictEqual(hashes["/to"], hashes["/from"])
  })
})

describe("fields that may be reworded", () => {
  const Letter = Schema.Struct({
    to: Schema.String,
    traceId: Volatile(Schema.String),
    "a/b~c": Content(Schema.String),
    mail: Schema.Struct({ subject: Schema.optionalKey(Content(Schema.String)), size: Schema.Finite })
  })
  const roles = rolesOf(Letter)
  const letter = (changes: Record<string, Schema.Json> = {}): Schema.Json => ({
    to: "ada@example.com",
    traceId: "1",
    "a/b~c": "odd",
    mail: { subject: "It has left", size: 1 },
    ...changes
  })
  const hashes = (payload: Schema.Json) => contentHashes(contentOf(payload, roles), "secret")
  const reworded = (payload: Schema.Json) => rewordedPaths(hashes(letter()), hashes(payload))

  it("are found by their paths, however odd their names are", () => {
    assert.deepStrictEqual(
      new Map(contentOf(letter(), roles)),
      new Map([
        ["/a~1b~0c", "odd"],
        ["/mail/subject", "It has left"]
      ])
    )
  })

  it("are named where both have them, in other words", () => {
    assert.deepStrictEqual(reworded(letter()), [])
    assert.deepStrictEqual(reworded(letter({ to: "dana@example.com", traceId: "2" })), [])
    assert.deepStrictEqual(
      reworded(letter({ "a/b~c": "even", mail: { subject: "It is on its way", size: 1 } })),
      ["/a~1b~0c", "/mail/subject"]
    )
    assert.deepStrictEqual(reworded(letter({ mail: { size: 1 } })), [])
    assert.deepStrictEqual(reworded(letter({ mail: "none" })), [])
    // A row of an earlier version has none.
    assert.deepStrictEqual(rewordedPaths(pathHashes(letter(), "secret"), hashes(letter())), [])
  })

  it("are no part of a conflict", () => {
    const before = { ...pathHashes({ to: "ada" }, "secret"), ...hashes(letter()) }
    assert.deepStrictEqual(differingPaths(before, pathHashes({ to: "dana" }, "secret")), ["/to"])
    assert.deepStrictEqual(differingPaths(before, pathHashes({ to: "ada" }, "secret")), [])
  })

  it("have one wording for the same words, and tell nobody what they are", () => {
    const wording = (payload: Schema.Json) => wordingOf(contentOf(payload, roles))
    assert.strictEqual(wording(letter({ to: "dana@example.com" })), wording(letter()))
    assert.notStrictEqual(wording(letter({ "a/b~c": "even" })), wording(letter()))
    assert.match(hashes(letter())["~/mail/subject"] ?? "", /^[0-9a-f]{16}$/)
    assert.notDeepEqual(contentHashes(contentOf(letter(), roles), "another secret"), hashes(letter()))
  })
})
