/**
 * What SMTP says when the server says something: refusals for now and for good at each stage, silence,
 * hanging up, and answers that are none.
 */
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Redacted, Result } from "effect"
import type { Options } from "../../connectors/smtp/index.ts"
import type { Behaviour } from "../../demo/parts/MailServer.ts"
import { callFor, mailsTo, mailTo, options, outcomeOf, sendOnce, Server, silence } from "./support.ts"

const denied = "NotPerformed provider_denies"
const neverSent = "NotPerformed never_sent"
const login = { user: "fibric", password: Redacted.make("open sesame") }

interface Case {
  readonly when: string
  readonly behaviour: ReadonlyArray<Behaviour>
  readonly outcome: string
  readonly mails: 0 | 1
  readonly more?: Partial<Options>
}

const answer = (
  stage: Behaviour["stage"],
  code: number,
  outcome: string,
  text?: string,
  more?: Partial<Options>
): Case => ({
  when: `${stage} is answered with ${code}${text === undefined ? "" : ` ${text}`}`,
  behaviour: [{ stage, action: "answer", code, ...(text === undefined ? {} : { text }) }],
  outcome,
  mails: 0,
  ...(more === undefined ? {} : { more })
})

const answers: ReadonlyArray<Case> = [
  answer("greeting", 421, denied),
  answer("greeting", 554, denied),
  answer("ehlo", 421, denied),
  answer("ehlo", 550, denied),
  answer("auth", 454, denied, undefined, login),
  answer("auth", 535, denied, undefined, login),
  answer("mail", 421, denied),
  answer("mail", 451, denied),
  answer("mail", 530, denied),
  answer("mail", 550, "SmtpRefused 550"),
  answer("rcpt", 421, denied),
  answer("rcpt", 450, denied),
  answer("rcpt", 550, "SmtpRefused 550"),
  answer("data", 451, denied),
  answer("data", 554, "SmtpRefused 554"),
  // The server waits for commands then, and the mail's lines would be some.
  answer("data", 250, neverSent),
  answer("data", 334, neverSent),
  answer("data-end", 451, denied),
  answer("data-end", 452, denied, "4.3.1 no room"),
  answer("data-end", 552, "SmtpRefused 552"),
  answer("data-end", 421, "OutcomeUnknown"),
  answer("data-end", 451, denied, "not from 10.4.4.2"),
  answer("data-end", 554, "SmtpRefused 554", "5.4.6 this mail goes in circles"),
  ...[
    [451, "4.4.2 lost the server behind me"],
    [451, " 4.4.2 after two spaces"],
    [451, "#4.4.2 after a hash"],
    [451, "lost the server behind me (4.4.2)"],
    [451, "[192.0.2.1] 4.4.1 no answer"],
    [554, "4.4.2 lost the server behind me"],
    [554, "5.4.2 lost the server behind me"],
    [451, "4.3.0 Error: queue file write error"],
    [451, "4.7.0 Temporary server error. Please try again later. PRX4"]
  ].map(([code, text]) => answer("data-end", Number(code), "OutcomeUnknown", String(text)))
]

const says = (
  when: string,
  stage: Behaviour["stage"],
  bytes: string,
  outcome: string,
  keeps = false
): Case => ({
  when,
  behaviour: [{ stage, action: "say", bytes, keeps }],
  outcome,
  mails: keeps ? 1 : 0,
  more: { connectTimeout: silence, answerTimeout: silence }
})

const nonsense: ReadonlyArray<Case> = [
  says("MAIL is answered with nonsense", "mail", "hello there\r\n", neverSent),
  says("a four-digit number answers MAIL", "mail", "5500 no\r\n", neverSent),
  says("the message is answered with nonsense", "data-end", "hello there\r\n", "OutcomeUnknown", true),
  says("the message is answered with 2 and no code", "data-end", "2 fine\r\n", "OutcomeUnknown"),
  says("the lines of the answer disagree", "data-end", "250-taken\r\n550 not taken\r\n", "OutcomeUnknown"),
  says(
    "the message is answered with 451 4.4.2 in several lines",
    "data-end",
    "451-4.4.2 lost the server\r\n451 4.4.2 behind me\r\n",
    "OutcomeUnknown"
  ),
  says(
    "the message is answered with 451 in several lines, 4.4.2 in the last of them alone",
    "data-end",
    "451-lost the server behind me\r\n451 4.4.2 try again\r\n",
    "OutcomeUnknown"
  ),
  says("DATA is answered with 250 in a line and 354 in the next", "data", "250-ok\r\n354 go\r\n", neverSent),
  says("the message is answered with another 354", "data-end", "354 more\r\n", "OutcomeUnknown", true),
  says("the answer comes with the 354, before the message", "data", "354 go\r\n250 taken\r\n", neverSent),
  says(
    "the refusal comes with the 354, before the message",
    "data",
    "354 go\r\n550 no\r\n",
    "SmtpRefused 550"
  )
]

const stages = ["greeting", "ehlo", "mail", "rcpt", "data"] as const
const departures: ReadonlyArray<Case> = [
  ...stages.map((stage): Case => ({
    when: `the server hangs up at ${stage}`,
    behaviour: [{ stage, action: "drop" }],
    outcome: neverSent,
    mails: 0
  })),
  {
    when: "the server keeps the mail and hangs up",
    behaviour: [{ stage: "data-end", action: "drop", keeps: true }],
    outcome: "OutcomeUnknown",
    mails: 1
  },
  {
    when: "the server loses the mail and hangs up",
    behaviour: [{ stage: "data-end", action: "drop" }],
    outcome: "OutcomeUnknown",
    mails: 0
  },
  {
    when: "the server keeps the mail and never answers",
    behaviour: [{ stage: "data-end", action: "silence", keeps: true }],
    outcome: "OutcomeUnknown",
    mails: 1,
    more: { answerTimeout: silence }
  },
  {
    when: "the server takes the mail and hangs up at QUIT",
    behaviour: [{ stage: "quit", action: "drop" }],
    outcome: "done",
    mails: 1
  }
]

describe("a mail to a server with a mind of its own", () => {
  layer(Server.layer, { excludeTestServices: true })((it) => {
    for (const [index, { behaviour, mails, more, outcome, when }] of [
      ...answers,
      ...nonsense,
      ...departures
    ].entries()) {
      it.effect(`is ${outcome}, with ${mails} kept, when ${when}`, () =>
        Effect.gen(function* () {
          const server = yield* Server
          yield* server.behave(...behaviour)
          const name = `answer-${index}`
          const result = yield* sendOnce(options(server.smtpPort, more), mailTo(name), callFor(name))
          assert.deepStrictEqual(
            { outcome: outcomeOf(result), mails: yield* mailsTo(name) },
            { outcome, mails }
          )
        })
      )
    }

    it.effect(
      "is told of in words that can be stored, also where they are cut in the middle of a character",
      () =>
        Effect.gen(function* () {
          const server = yield* Server
          const text = `${"n".repeat(499)}\u{1f4ee}`
          yield* server.behave({ stage: "rcpt", action: "answer", code: 550, text })
          const result = yield* sendOnce(options(server.smtpPort), mailTo("cut"), callFor("cut"))
          const reason = Result.isFailure(result) && "reason" in result.failure ? result.failure.reason : ""
          assert.strictEqual(reason, `${"n".repeat(499)}\ufffd`)
        })
    )
  })
})
