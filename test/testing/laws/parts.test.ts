/**
 * What the laws are made of: where is cut, in what forms a secret is recognised, how each law judges, and
 * what is said of a subject that does not work.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Laws from "fibric/testing/laws"
import { cutsOf, lostAnswersOf, undisturbed } from "../../../src/testing/laws/Cut.ts"
import { laws } from "../../../src/testing/laws/Law.ts"
import type { Observation } from "../../../src/testing/laws/Observation.ts"
import { judge } from "../../../src/testing/laws/Report.ts"
import { formsOf, listening } from "../../../src/testing/laws/Told.ts"
import { holding, resending } from "./bells.ts"

describe("the cuts of a conversation", () => {
  const packets = [
    { connection: 1, side: "server", bytes: 1 },
    { connection: 1, side: "client", bytes: 4 },
    { connection: 2, side: "client", bytes: 2 }
  ] as const

  it("are at connect, around each packet by reset and close, in silence, and late", () => {
    assert.deepStrictEqual(
      cutsOf(packets, 900).map(({ name }) => name),
      [
        "cut at connect",
        "cut at connect of connection 2",
        "reset before the server's packet 1",
        "reset after the server's packet 1",
        "close before the server's packet 1",
        "close after the server's packet 1",
        "silence from the server's packet 1 on",
        "reset before the client's packet 1",
        "reset in the middle of the client's packet 1",
        "reset after the client's packet 1",
        "close before the client's packet 1",
        "close in the middle of the client's packet 1",
        "close after the client's packet 1",
        "silence from the client's packet 1 on",
        "reset before the client's packet 1 of connection 2",
        "reset in the middle of the client's packet 1 of connection 2",
        "reset after the client's packet 1 of connection 2",
        "close before the client's packet 1 of connection 2",
        "close in the middle of the client's packet 1 of connection 2",
        "close after the client's packet 1 of connection 2",
        "silence from the client's packet 1 of connection 2 on",
        "answers 900 ms late from the server's packet 1 on"
      ]
    )
  })

  it("are counted in bytes of one side on one connection", () => {
    const twice = [...packets, { connection: 1, side: "server", bytes: 6 } as const]
    assert.deepStrictEqual(
      lostAnswersOf(twice).map(({ connection, rule }) => [
        connection,
        rule._tag === "CutWhen" ? String(rule.pattern) : ""
      ]),
      [
        [1, "/(?<=^[^]{0})[^]/"],
        [1, "/(?<=^[^]{1})[^]/"]
      ]
    )
  })
})

describe("a secret", () => {
  const secret = `open "sesame" & please`
  const bytes = Buffer.from(secret)
  const found = (text: string) => formsOf(secret).filter(({ is }) => is(text)).length > 0

  const written: Record<string, string> = {
    "as it is": `login with ${secret} failed`,
    "cut off": `login with ${secret.slice(0, 14)}…`,
    "as JSON": JSON.stringify({ password: secret }),
    "in a URL": `/login?password=${encodeURIComponent(secret)}`,
    "in hexadecimal": `0x${bytes.toString("hex").toUpperCase()}`,
    "in base64": bytes.toString("base64"),
    "in base64, one byte in": Buffer.from(`:${secret}`).toString("base64"),
    "in base64, two bytes in": Buffer.from(`ab${secret}cd`).toString("base64"),
    "in base64url, three bytes in": Buffer.from(`abc${secret}`).toString("base64url")
  }
  for (const [form, text] of Object.entries(written)) {
    it(`is recognised ${form}`, () => assert.isTrue(found(text)))
  }

  it("is not seen where there is none", () => {
    assert.isFalse(found("login failed: open the door, please"))
    assert.isFalse(found(Buffer.from("login failed: open the door, please").toString("base64")))
  })

  it.effect(
    "is heard in a log line of the lowest level, an annotation and a span, without being repeated",
    () =>
      Effect.gen(function* () {
        const heard = listening()
        yield* Effect.logTrace({ login: secret }).pipe(Effect.provide(heard.layer))
        yield* Effect.log("hello").pipe(Effect.annotateLogs("login", secret), Effect.provide(heard.layer))
        yield* Effect.fail(secret).pipe(Effect.withSpan("login"), Effect.ignore, Effect.provide(heard.layer))
        const leaks = heard.leaks([secret])
        assert.include(leaks, "a log line has a secret as it is")
        assert.include(leaks, `the span "login" has a secret as it is`)
        assert.strictEqual(leaks.filter((leak) => leak === "a log line has a secret as it is").length, 2)
        assert.notInclude(leaks.join(), "sesame")
      })
  )
})

/** An undisturbed call that went as it should. */
const seen: Observation = {
  cut: undisturbed,
  refused: false,
  fired: false,
  claim: { _tag: "Performed", body: "{}", effectId: null },
  ended: "by itself",
  effects: 1,
  begunLate: 0,
  connections: 1,
  secrets: 1,
  leaks: [],
  recovered: undefined
}

describe("each law", () => {
  const unknown = { _tag: "Unknown", reason: "no answer" } as const
  const denied = { _tag: "NotPerformed", proof: "never_sent", reason: "no connection" } as const
  const refused = { _tag: "Refused", body: "{}" } as const
  const found = { _tag: "LookedUp", answer: "found", cut: [], effects: 1 } as const
  const committed = { _tag: "Transacted", fate: "committed", effects: 1, again: undefined } as const
  const rolledBack = {
    _tag: "Transacted",
    fate: "rolled back",
    effects: 0,
    again: { claim: seen.claim, effects: 1 }
  } as const
  const lost = { ...undisturbed, name: "reset before the server's packet 1", connection: 1 }
  const resent = { _tag: "Resent", claim: seen.claim, effects: [{ key: "a" }], renewed: 2 } as const

  const cases: ReadonlyArray<readonly [Partial<Observation>, ReadonlyArray<Laws.LawName>]> = [
    [{}, []],
    [{ claim: unknown }, ["undisturbed, it is performed"]],
    [{ effects: 2 }, ["undisturbed, it is performed", "one call, one effect"]],
    [{ effects: 0 }, ["undisturbed, it is performed", "success only with the effect"]],
    [{ claim: denied }, ["undisturbed, it is performed", "no denial of an effect"]],
    [{ claim: refused }, ["undisturbed, it is performed", "no denial of an effect"]],
    [{ ended: "never" }, ["the deadline is kept"]],
    [{ begunLate: 1 }, ["the deadline is kept"]],
    [{ connections: 2 }, ["no retries of its own"]],
    [{ leaks: ["a log line has a secret as it is"] }, ["no secret is told"]],
    [{ recovered: resent }, []],
    [{ recovered: { ...resent, effects: [{ key: "a" }, { key: "b" }] } }, ["recovery as declared"]],
    [{ recovered: { ...resent, effects: [{ key: undefined }] } }, ["recovery as declared"]],
    [{ recovered: { ...resent, renewed: 1 } }, ["recovery as declared"]],
    [{ recovered: { ...resent, renewed: undefined } }, []],
    [{ recovered: { ...resent, claim: refused } }, ["recovery as declared"]],
    [{ recovered: found }, []],
    [{ recovered: { ...found, answer: "found another effect" } }, ["recovery as declared"]],
    [{ recovered: { ...found, answer: "failed" } }, ["recovery as declared"]],
    [{ recovered: { ...found, effects: 2 } }, ["recovery as declared"]],
    [{ recovered: { ...found, cut: [["cut at connect", "nothing"]] } }, ["recovery as declared"]],
    [{ recovered: { ...found, cut: [["cut at connect", "failed"]] } }, []],
    [{ recovered: { _tag: "Left", connections: 0 } }, []],
    [{ recovered: { _tag: "Left", connections: 1 } }, ["recovery as declared"]],
    [{ recovered: committed }, []],
    [{ recovered: { ...committed, effects: 0 } }, ["recovery as declared"]],
    [{ recovered: { ...committed, fate: "still open" } }, ["recovery as declared"]],
    [{ recovered: rolledBack }, []],
    [{ recovered: { ...rolledBack, effects: 1 } }, ["recovery as declared"]],
    [{ recovered: { ...rolledBack, again: { claim: seen.claim, effects: 0 } } }, ["recovery as declared"]],
    [{ recovered: { ...rolledBack, again: { claim: unknown, effects: 1 } } }, ["recovery as declared"]],
    [{ refused: true, effects: 0, claim: refused, recovered: { ...committed, effects: 0 } }, []],
    [{ leaks: ["a log line has a secret as it is"], secrets: 0 }, []],
    [{ refused: true, effects: 0, claim: unknown, cut: lost }, []],
    [{ refused: true, effects: 0, cut: lost }, ["success only with the effect", "a refusal is a refusal"]],
    [{ refused: true, effects: 0, claim: refused }, []],
    [{ refused: true, effects: 0, claim: { ...denied, proof: "provider_denies" } }, []],
    [{ refused: true, effects: 0, claim: denied }, ["a refusal is a refusal"]],
    [{ refused: true, effects: 0, claim: unknown }, ["a refusal is a refusal"]],
    [{ refused: true, effects: 1, claim: unknown }, ["a refusal is a refusal"]]
  ]
  for (const [changes, broken] of cases) {
    it(`judges ${JSON.stringify(changes)}: ${broken.join(", ") || "lawful"}`, () => {
      const report = judge("one", { connections: 1 }, [{ ...seen, ...changes }])
      assert.deepStrictEqual(Laws.brokenLaws(report), broken)
    })
  }

  it("has its name, in the order of the names", () => {
    assert.deepStrictEqual(
      laws.map(({ name }) => name),
      [...Laws.lawNames]
    )
  })

  it("says what happened, what it means and what to do, and hides no other place", () => {
    const report = judge(
      "one",
      { connections: 1 },
      Array.from({ length: 5 }, () => ({ ...seen, connections: 3 }))
    )
    assert.throws(
      () => Laws.expectLawful(report),
      /BROKEN {2}no retries of its own \(5 of 5\)\n.*undisturbed: One call used 3 connections; declared are 1\.[^]*and 2 more[^]*behind the kernel's back\.[^]*Switch the client library's retries/
    )
  })
})

describe("a report", () => {
  it("proves nothing where most of the trials lost nothing", () => {
    const cut = { ...seen, fired: true }
    const proves = judge("one", { connections: 1 }, [seen, cut])
    const hardly = judge("one", { connections: 1 }, [seen, seen, cut])
    Laws.expectLawful(proves)
    assert.notInclude(Laws.describe(proves), "VACUOUS")
    assert.deepStrictEqual(Laws.brokenLaws(hardly), [])
    assert.throws(() => Laws.expectLawful(hardly), Laws.LawsBroken, "3 trials, 1 of them cut")
    assert.include(Laws.describe(hardly), "VACUOUS")
  })
})

describe("a tally", () => {
  it("has every law, counts where it was tried, and calls what was not tried neither held nor broken", () => {
    const report = judge("one", { connections: 1 }, [
      { ...seen, secrets: 0 },
      { ...seen, secrets: 0, fired: true, connections: 2, cut: { ...undisturbed, connection: 1 } }
    ])
    assert.deepStrictEqual(
      Laws.tally(report).map(({ cuts, fired, law, outcome }) => [law, outcome, cuts, fired]),
      [
        ["undisturbed, it is performed", "held", 1, 0],
        ["one call, one effect", "held", 2, 1],
        ["success only with the effect", "held", 2, 1],
        ["no denial of an effect", "held", 2, 1],
        ["the deadline is kept", "held", 2, 1],
        ["no retries of its own", "broken", 2, 1],
        ["no secret is told", "untried", 0, 0],
        ["recovery as declared", "untried", 0, 0],
        ["a refusal is a refusal", "untried", 0, 0]
      ]
    )
  })
})

describe("a subject that does not work", () => {
  const good = holding()
  const cases: ReadonlyArray<readonly [string, Effect.Effect<Laws.Report, Laws.SubjectUnfit>]> = [
    ["its server did not start (no port)", Laws.run({ ...good, server: Effect.fail("no port") })],
    // Another capability of the same name.
    [`its layer does not carry out "ring"`, Laws.run({ ...good, connector: resending().connector })],
    ["a secret of less than 8 characters can't be looked for", Laws.run({ ...good, secrets: ["sesame"] })],
    ["its times must be more than nothing", Laws.run({ ...good, silence: 0 })],
    [
      "a transactional capability brings a database, and no other does",
      // What the compiler refuses, a subject in JavaScript may have.
      Laws.run({ ...good, database: Effect.die("no database") } as unknown as typeof good)
    ]
  ]
  for (const [problem, report] of cases) {
    it.live(`is told so: ${problem}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(report)
        assert.strictEqual(
          error.message,
          `The laws can't be tried on "bell (hold)": ${problem}. Nothing is known about the connector; mend the subject and run them again.`
        )
      })
    )
  }

  it.live("is told so where it does not use the wire", () =>
    Effect.gen(function* () {
      const connector: typeof good.connector = (_, server) =>
        good.connector({ host: "127.0.0.1", port: server.port }, server)
      const error = yield* Effect.flip(Laws.run({ ...good, connector }))
      assert.include(error.message, "its undisturbed call said nothing on the wire")
    })
  )
})
