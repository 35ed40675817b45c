/**
 * What would put a secret into a row by its declaration is refused at start, and what would put it into a
 * message when it is asked.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schema } from "effect"
import {
  Capability,
  Connector,
  type Connectors,
  Entity,
  execute,
  Fibric,
  Recovery,
  type StartRefused
} from "fibric"
import { mask, pathsIn, pointer, valuesAt } from "../../src/domain/Secret.ts"
import { storable } from "../../src/domain/Text.ts"

const Door = Entity.make("door")
const secret = "four-seven-eleven"

const declared = {
  entity: Door,
  payload: { pin: Schema.Redacted(Schema.String), at: Schema.String },
  success: Schema.Void,
  occasion: () => "once",
  recovery: Recovery.hold,
  deadline: "1 second"
} as const

/** Why a connector of the capability is refused at start. */
const refusal = (unlock: Capability.Any) => {
  const doors = Connector.make("doors", unlock)
  // The group's types are not known here: what is tested is what the compiler can't see.
  const layer = doors.toLayer({ [unlock.name]: () => Effect.void } as never) as Layer.Layer<
    never,
    StartRefused,
    Connectors
  >
  return Effect.map(
    Effect.flip(Effect.scoped(Layer.build(Layer.provide(layer, Fibric.layerMemory)))),
    (error) => `${error.problem}: ${error.sentence}`
  )
}

const sentence = (what: string) =>
  `secret_stored: The connector "doors" brings "unlock", but ${what}, which would be stored. Nothing was performed; leave it out there, and let the connector have it from the payload or from its own configuration.`

describe("a declaration that would store a secret is refused at start:", () => {
  const refuses = (what: string, unlock: Capability.Any, why: string) =>
    it.effect(what, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* refusal(unlock), why)
      })
    )

  refuses(
    "an allow-list that names it",
    Capability.make("unlock", { ...declared, stores: ["pin"] }) as unknown as Capability.Any,
    sentence(`its "stores" names the secret /pin`)
  )
  refuses(
    "an allow-list that names the field that it is in",
    Capability.make("unlock", {
      ...declared,
      payload: { auth: Schema.Struct({ pin: Schema.Redacted(Schema.String) }), at: Schema.String },
      stores: ["auth"]
    }) as unknown as Capability.Any,
    sentence(`its "stores" names the secret /auth/pin`)
  )
  refuses(
    "an output that has one",
    Capability.make("unlock", {
      ...declared,
      success: Schema.Struct({ next: Schema.Redacted(Schema.String) })
    }) as unknown as Capability.Any,
    sentence("its output has a secret at /next")
  )
  refuses(
    "a refusal that is one",
    Capability.make("unlock", {
      ...declared,
      error: Schema.Redacted(Schema.String)
    }) as unknown as Capability.Any,
    sentence("its refusal has a secret")
  )
  refuses(
    "a state that has one",
    Capability.make("unlock", {
      ...declared,
      entity: Entity.make("door", {
        state: Schema.Struct({ pin: Schema.Redacted(Schema.String) }),
        initial: { pin: Redacted.make("") }
      })
    }) as unknown as Capability.Any,
    sentence("its entity's state has a secret at /pin")
  )

  it.effect("and so is a recovery that needs the secret again", () =>
    Effect.gen(function* () {
      const resent = Capability.make("unlock", {
        ...declared,
        recovery: Recovery.resend({ window: "1 hour", margin: "1 minute" }),
        stores: ["at"]
      })
      assert.match(
        yield* refusal(resent as unknown as Capability.Any),
        /^request_not_stored: .* leaves out pin/
      )
    })
  )
})

describe("a secret where it does not belong", () => {
  const ask = (unlock: typeof Unlock, payload: (typeof Unlock.payload)["Type"]) => {
    const layer = Connector.make("doors", unlock).toLayer({ unlock: () => Effect.void })
    return Effect.provide(
      Effect.flip(execute(unlock.propose(Door.at("12"), payload))),
      Layer.provideMerge(layer, Fibric.layerMemory)
    )
  }
  const Unlock = Capability.make("unlock", {
    ...declared,
    occasion: ({ at, pin }) => `${at}-${Redacted.value(pin)}`
  })

  it.effect("in the occasion, it is refused before it is a key", () =>
    Effect.gen(function* () {
      const error = yield* ask(Unlock, { pin: Redacted.make(secret), at: "noon" })
      assert.deepInclude(error, { _tag: "InvalidKey", part: "occasion", problem: "secret" })
      assert.notInclude(error.message, secret)
    })
  )

  it.effect("in a field that takes it as a secret only, it is not told back", () =>
    Effect.gen(function* () {
      // Past the compiler, as from a form.
      const error = yield* ask(Unlock, { pin: secret as never, at: "noon" })
      assert.strictEqual(error._tag, "InvalidPayload")
      assert.include(error.message, "pin")
      assert.notInclude(error.message, secret)
    })
  )
})

describe("secrets of a schema", () => {
  it("are found in structs, arrays, records, unions, options and what contains itself", () => {
    interface Tree {
      readonly pin: Redacted.Redacted<string>
      readonly children: ReadonlyArray<Tree>
    }
    const Tree: Schema.Codec<Tree, unknown> = Schema.Struct({
      pin: Schema.Redacted(Schema.String),
      children: Schema.Array(Schema.suspend((): Schema.Codec<Tree, unknown> => Tree))
    })
    const schema = Schema.Struct({
      plain: Schema.String,
      pin: Schema.optionalKey(Schema.RedactedFromValue(Schema.String)),
      "a/b": Schema.Array(Schema.Redacted(Schema.String)),
      by: Schema.Record(Schema.String, Schema.NullOr(Schema.Redacted(Schema.String))),
      maybe: Schema.Option(Schema.Redacted(Schema.String)),
      tree: Tree
    })
    assert.deepStrictEqual(pathsIn(schema).map(pointer), [
      "/pin",
      "/a~1b/*",
      "/by/*",
      "/maybe/*",
      "/tree/pin"
    ])
    const leaf = (pin: string, ...children: ReadonlyArray<Tree>): Tree => ({
      pin: Redacted.make(pin),
      children
    })
    const deep = leaf("one-1", leaf("two-22", leaf("three-333")))
    assert.deepStrictEqual(valuesAt(pathsIn(schema), { tree: deep }), ["three-333", "two-22", "one-1"])
  })

  it("are found in a tuple, whichever element they are", () => {
    const schema = Schema.Struct({
      lock: Schema.Tuple([Schema.String, Schema.RedactedFromValue(Schema.String)]),
      locks: Schema.TupleWithRest(Schema.Tuple([Schema.String]), [Schema.RedactedFromValue(Schema.String)])
    })
    const paths = pathsIn(schema)
    assert.deepStrictEqual(paths.map(pointer), ["/lock/*", "/locks/*"])
    const value = { lock: ["north", Redacted.make("pin-north")], locks: ["south"] }
    assert.include(valuesAt(paths, value), "pin-north")
  })

  it("are found wherever one schema stands that is used more than once", () => {
    const Pin = Schema.RedactedFromValue(Schema.String)
    const Lock = Schema.Struct({ code: Pin })
    const schema = Schema.Struct({ pin: Pin, again: Pin, front: Lock, back: Lock })
    const paths = pathsIn(schema)
    assert.deepStrictEqual(paths.map(pointer), ["/pin", "/again", "/front/code", "/back/code"])
    // Also where it is not redacted, as from a form.
    assert.deepStrictEqual(valuesAt(paths, { again: "plain-pin", back: { code: "plain" } }), [
      "plain-pin",
      "plain"
    ])
  })

  it("are taken from a value as far as it can be followed, the longest first", () => {
    const paths = pathsIn(
      Schema.Struct({
        pin: Schema.Redacted(Schema.Unknown),
        by: Schema.Record(Schema.String, Schema.Redacted(Schema.String))
      })
    )
    const value = {
      pin: Redacted.make({ a: "long-enough", b: [12_345, "abc"] }),
      by: { x: Redacted.make("by-x") }
    }
    assert.deepStrictEqual(valuesAt(paths, value), ["long-enough", "12345", "by-x"])
    assert.deepStrictEqual(valuesAt(paths, { pin: "plain", by: null }), ["plain"])
    assert.deepStrictEqual(valuesAt(paths, "nothing"), [])
  })

  it("are masked in each of their forms, and where a text was cut in one", () => {
    const pin = `a"b\\c/ü (1)\u0000\ud800`
    for (const form of [
      pin,
      JSON.stringify(pin).slice(1, -1),
      JSON.stringify(JSON.stringify({ pin })).slice(1, -1),
      encodeURIComponent(pin.toWellFormed()),
      new URLSearchParams({ pin }).toString().slice("pin=".length),
      storable(pin),
      Buffer.from(pin).toString("base64"),
      Buffer.from(pin).toString("hex")
    ]) {
      const clean = mask(`before ${form} after`, [pin])
      assert.include(clean, "<redacted>", form)
      assert.match(clean, /^before .* after$/)
    }
    assert.strictEqual(mask("the pin is four-sev…", [secret]), "the pin is <redacted>…")
    assert.strictEqual(mask("the pin is fou…", [secret]), "the pin is fou…")
  })
})
