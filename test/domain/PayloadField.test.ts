import { assert, describe, it } from "@effect/vitest"
import { Schema, SchemaTransformation } from "effect"
import { Content, Volatile } from "fibric"
import { boundPart, contentOf, make } from "../../src/domain/Fingerprint.ts"
import { escapePointer, rolesOf } from "../../src/domain/PayloadField.ts"

const Letter = Schema.Struct({
  to: Schema.String,
  text: Content(Schema.String),
  traceId: Schema.optionalKey(Volatile(Schema.String)),
  sender: Schema.Struct({ id: Schema.String, greeting: Content(Schema.String) })
})

const letter = { to: "ada", text: "Hello", traceId: "t-1", sender: { id: "shop", greeting: "Yours" } }

const bound = (payload: Schema.Json) => boundPart(payload, rolesOf(Letter))

const roles = (schema: Schema.Top) => Object.fromEntries(rolesOf(schema))

describe("a field", () => {
  it("is bound unless it says otherwise", () => {
    assert.deepStrictEqual(roles(Letter), {
      "/text": "content",
      "/traceId": "volatile",
      "/sender/greeting": "content"
    })
    assert.deepStrictEqual(roles(Schema.Struct({ to: Schema.String })), {})
  })

  it("keeps its mark where it is optional, nullable, checked, transformed or described", () => {
    const marked = Schema.Struct({
      optionalKey: Schema.optionalKey(Content(Schema.String)),
      optional: Schema.optional(Content(Schema.String)),
      nullable: Schema.NullOr(Content(Schema.String)),
      markedNullable: Content(Schema.NullOr(Schema.String)),
      checked: Content(Schema.String.check(Schema.isMinLength(1))),
      transformed: Content(Schema.FiniteFromString),
      described: Content(Schema.String).annotate({ title: "Text" })
    })
    assert.deepStrictEqual(roles(marked), {
      "/optionalKey": "content",
      "/optional": "content",
      "/nullable": "content",
      "/markedNullable": "content",
      "/checked": "content",
      "/transformed": "content",
      "/described": "content"
    })
  })

  it("keeps its mark where it is checked after it was marked", () => {
    const marked = Schema.Struct({ text: Content(Schema.String).check(Schema.isMinLength(1)) })
    assert.deepStrictEqual(roles(marked), { "/text": "content" })
  })

  it("keeps its mark in a class", () => {
    class Note extends Schema.Class<Note>("Note")({ text: Content(Schema.String) }) {}
    assert.deepStrictEqual(roles(Schema.Struct({ note: Note })), { "/note/text": "content" })
  })

  it("keeps its mark in a struct that is optional or nullable", () => {
    const Inner = Schema.Struct({ text: Content(Schema.String) })
    const marked = Schema.Struct({
      optionalKey: Schema.optionalKey(Inner),
      optional: Schema.optional(Inner),
      nullable: Schema.NullOr(Inner)
    })
    assert.deepStrictEqual(roles(marked), {
      "/optionalKey/text": "content",
      "/optional/text": "content",
      "/nullable/text": "content"
    })
  })

  it("is bound where only one member of a union marks it: two different payments never become one", () => {
    const paid = Schema.Union([
      Schema.Struct({
        kind: Schema.Literal("note"),
        text: Content(Schema.String),
        by: Volatile(Schema.String)
      }),
      Schema.Struct({ kind: Schema.Literal("transfer"), text: Schema.String, by: Volatile(Schema.String) })
    ])
    assert.deepStrictEqual(roles(paid), { "/by": "volatile" })
    const either = Schema.Union([Content(Schema.String), Schema.Struct({ amount: Schema.Finite })])
    assert.deepStrictEqual(roles(Schema.Struct({ either })), {})
  })

  it("is bound where any one member of a union does not mark it, whichever of them that is", () => {
    const note = Schema.Struct({ kind: Schema.Literal("note"), text: Content(Schema.String) })
    const letter = Schema.Struct({ kind: Schema.Literal("letter"), text: Content(Schema.String) })
    const transfer = Schema.Struct({ kind: Schema.Literal("transfer"), text: Schema.String })
    for (const members of [
      [transfer, note, letter],
      [note, transfer, letter],
      [note, letter, transfer]
    ]) {
      assert.deepStrictEqual(roles(Schema.Union(members)), {})
    }
    assert.deepStrictEqual(roles(Schema.Union([note, letter, note])), { "/text": "content" })
  })

  it("is named by a JSON pointer, whatever characters its name has", () => {
    assert.deepStrictEqual(roles(Schema.Struct({ "a/b~c": Content(Schema.String) })), {
      "/a~1b~0c": "content"
    })
    assert.strictEqual(escapePointer("~1/"), "~01~1")
  })

  it("is found again by its pointer, also where its name looks like an escape", () => {
    for (const name of ["~1/", "~0~1", "~01", "a/b~c"]) {
      const payload = { [name]: "some words" }
      const roles = rolesOf(Schema.Struct({ [name]: Content(Schema.String) }))
      assert.deepStrictEqual(contentOf(payload, roles), [[`/${escapePointer(name)}`, "some words"]])
    }
  })

  it("that was renamed is marked under its name in JSON, and the one that has its old name there is bound", () => {
    const renamed = Schema.Struct({ text: Content(Schema.String), to: Schema.String }).pipe(
      Schema.encodeKeys({ text: "to", to: "text" })
    )
    assert.deepStrictEqual(roles(renamed), { "/to": "content" })
  })

  it("is bound in a union that stands for something else in JSON, whatever has its name there", () => {
    const Note = Schema.Struct({ text: Content(Schema.String), to: Schema.String })
    const swapped = Schema.Struct({ text: Schema.String, to: Schema.String }).pipe(
      Schema.decodeTo(
        Schema.Union([Note, Note]),
        SchemaTransformation.transform({
          decode: ({ text, to }) => ({ text: to, to: text }),
          encode: ({ text, to }) => ({ text: to, to: text })
        })
      )
    )
    assert.deepStrictEqual(roles(swapped), {})
    assert.deepStrictEqual(roles(Schema.Struct({ swapped })), {})
  })
})

describe("what binds", () => {
  it("leaves out content and volatile fields, wherever they stand", () => {
    assert.deepStrictEqual(bound(letter), { to: "ada", sender: { id: "shop" } })
  })

  it("is the same where a text was reworded, a trace id changed or went", () => {
    const { traceId: _, ...untraced } = letter
    const reworded = { ...untraced, text: "Good day", sender: { id: "shop", greeting: "Best" } }
    assert.strictEqual(make(bound(reworded)), make(bound(letter)))
  })

  it("differs where any other field does", () => {
    assert.notStrictEqual(make(bound({ ...letter, to: "eve" })), make(bound(letter)))
    assert.notStrictEqual(
      make(bound({ ...letter, sender: { ...letter.sender, id: "bank" } })),
      make(bound(letter))
    )
  })

  it("is the whole payload where nothing is marked", () => {
    const payload = { to: "ada", list: [1, 2] }
    assert.strictEqual(boundPart(payload, new Map()), payload)
  })

  it("keeps a field of the same name in another place", () => {
    const roles = rolesOf(
      Schema.Struct({ text: Content(Schema.String), inner: Schema.Struct({ text: Schema.String }) })
    )
    assert.deepStrictEqual(boundPart({ text: "a", inner: { text: "b" } }, roles), { inner: { text: "b" } })
  })

  it("tells a name that has a slash or a tilde in it from a path and from an escape", () => {
    const roles = rolesOf(
      Schema.Struct({
        a: Schema.Struct({ b: Content(Schema.String) }),
        "a/b": Schema.String,
        "c/d": Content(Schema.String),
        "m~n": Volatile(Schema.String),
        "m~0n": Schema.String
      })
    )
    const payload = {
      a: { b: "content" },
      "a/b": "bound",
      "c/d": "content",
      "m~n": "volatile",
      "m~0n": "bound"
    }
    assert.deepStrictEqual(boundPart(payload, roles), { a: {}, "a/b": "bound", "m~0n": "bound" })
  })

  it("keeps a member named __proto__", () => {
    // The parser makes it an ordinary member; a literal would set the prototype.
    const payload = JSON.parse(`{"__proto__":{"admin":true},"text":"a"}`) as Schema.Json
    const left = boundPart(payload, new Map([["/text", "content"]]))
    assert.strictEqual(JSON.stringify(left), `{"__proto__":{"admin":true}}`)
  })
})
