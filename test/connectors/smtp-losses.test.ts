/**
 * What SMTP says when the wire breaks: at each stage of the conversation, the outcome and the number of
 * mails that really are at the server.
 */
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { cutAtConnect, cutWhen, type Rule } from "../../src/testing/TcpProxy.ts"
import { Server, silence, throughProxy } from "./support.ts"
import { fault } from "../support/fault.ts"

interface Loss {
  readonly stage: string
  readonly rule: Rule
  readonly outcome: "done" | "NotPerformed never_sent" | "OutcomeUnknown"
  readonly mails: 0 | 1
}

const envelopeTaken = /Accepted[^]*?Accepted[^]*?\n/
const firstByteOfTheMessage = /(?<=\r\nDATA\r\n)[^]/
const finalDot = /\r\n\.\r\n/
const finalAnswer = /^250[^\n]*taken\r\n/m

const resets: ReadonlyArray<Loss> = [
  { stage: "at connect", rule: cutAtConnect, outcome: "NotPerformed never_sent", mails: 0 },
  ...(
    [
      ["before the greeting", cutWhen("server", /^220/, "before", "reset")],
      ["after the greeting", cutWhen("server", /^220[^\n]*\n/, "after", "close")],
      ["before EHLO", cutWhen("client", /^EHLO/m, "before", "reset")],
      ["before EHLO's answer", cutWhen("server", /^250/m, "before", "reset")],
      ["before MAIL", cutWhen("client", /^MAIL FROM/m, "before", "reset")],
      ["after MAIL", cutWhen("client", /^MAIL FROM[^\n]*\n/m, "after", "reset")],
      ["before MAIL's answer", cutWhen("server", /Accepted/, "before", "reset")],
      ["after RCPT", cutWhen("client", /^RCPT TO[^\n]*\n/m, "after", "reset")],
      ["before RCPT's answer", cutWhen("server", /(?<=Accepted[^]*?)Accepted/, "before", "reset")],
      ["after RCPT's answer", cutWhen("server", envelopeTaken, "after", "reset")],
      ["after DATA", cutWhen("client", /^DATA\r\n/m, "after", "reset")],
      ["before the 354", cutWhen("server", /^354/m, "before", "reset")]
    ] as const
  ).map(([stage, rule]): Loss => ({ stage, rule, outcome: "NotPerformed never_sent", mails: 0 })),
  {
    stage: "after the 354, before the message's first byte",
    rule: cutWhen("client", firstByteOfTheMessage, "before", "reset"),
    outcome: "OutcomeUnknown",
    mails: 0
  },
  {
    stage: "in the middle of the message",
    rule: cutWhen("client", /on its way/, "after", "reset"),
    outcome: "OutcomeUnknown",
    mails: 0
  },
  {
    stage: "before the final dot",
    rule: cutWhen("client", finalDot, "before", "reset"),
    outcome: "OutcomeUnknown",
    mails: 0
  },
  {
    stage: "after the final dot, before the answer",
    rule: cutWhen("server", finalAnswer, "before", "reset"),
    outcome: "OutcomeUnknown",
    mails: 1
  },
  {
    stage: "in the middle of the final answer",
    rule: cutWhen("server", /(?<=354[^]*)250 /, "after", "close"),
    outcome: "OutcomeUnknown",
    mails: 1
  },
  {
    stage: "after the final answer",
    rule: cutWhen("server", finalAnswer, "after", "close"),
    outcome: "done",
    mails: 1
  },
  { stage: "before QUIT", rule: cutWhen("client", /^QUIT/m, "before", "reset"), outcome: "done", mails: 1 },
  {
    stage: "before the goodbye",
    rule: cutWhen("server", /^221/m, "before", "reset"),
    outcome: "done",
    mails: 1
  }
]

/** The same stages in silence: everything the client says arrives, nothing comes back. */
const silences: ReadonlyArray<Loss> = [
  {
    stage: "greeting",
    rule: cutWhen("server", /^220/, "before", "swallow"),
    outcome: "NotPerformed never_sent",
    mails: 0
  },
  {
    stage: "EHLO",
    rule: cutWhen("server", /^250/m, "before", "swallow"),
    outcome: "NotPerformed never_sent",
    mails: 0
  },
  {
    stage: "MAIL",
    rule: cutWhen("server", /Accepted/, "before", "swallow"),
    outcome: "NotPerformed never_sent",
    mails: 0
  },
  {
    stage: "RCPT",
    rule: cutWhen("server", /(?<=Accepted[^]*?)Accepted/, "before", "swallow"),
    outcome: "NotPerformed never_sent",
    mails: 0
  },
  {
    stage: "DATA",
    rule: cutWhen("server", /^354/m, "before", "swallow"),
    outcome: "NotPerformed never_sent",
    mails: 0
  },
  {
    stage: "the message",
    rule: cutWhen("server", finalAnswer, "before", "swallow"),
    outcome: "OutcomeUnknown",
    mails: 1
  },
  { stage: "QUIT", rule: cutWhen("server", /^221/m, "before", "swallow"), outcome: "done", mails: 1 }
]

const nameOf = (kind: string, stage: string) =>
  `${kind}-${stage.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`

describe("a mail whose connection breaks", () => {
  layer(Server.layer, { excludeTestServices: true })((it) => {
    for (const { mails, outcome, rule, stage } of resets) {
      it.effect(
        `${fault("library retries")} ${stage} is ${outcome}, with ${mails} at the server, and is tried once`,
        () =>
          Effect.gen(function* () {
            const found = yield* throughProxy(nameOf("reset", stage), rule)
            assert.deepStrictEqual(found, { outcome, mails, connections: 1, cuts: 1 })
          })
      )
    }

    it.effect("is judged the same when the server's answers vanish instead, stage by stage", () =>
      Effect.gen(function* () {
        const waits = { connectTimeout: silence, answerTimeout: silence }
        const found = yield* Effect.forEach(
          silences,
          ({ rule, stage }) => throughProxy(nameOf("silence", stage), rule, waits),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          found.map(({ mails, outcome }, index) => ({ stage: silences[index]?.stage, outcome, mails })),
          silences.map(({ mails, outcome, stage }) => ({ stage, outcome, mails }))
        )
        assert.isTrue(found.every(({ connections }) => connections === 1))
      })
    )
  })
})
