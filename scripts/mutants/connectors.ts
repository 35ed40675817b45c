/**
 * Deliberate bugs of the connectors: each takes something for proof that is none, shows a secret, or lets an
 * effect happen later.
 */
import type { Mutant } from "./list.ts"

const http = "test/connectors/http.test.ts"
const httpAnswers = "test/connectors/http-answers.test.ts"
const smtp = "test/connectors/smtp.test.ts"
const smtpAnswers = "test/connectors/smtp-answers.test.ts"
const stripeAnswers = "test/connectors/stripe-answers.test.ts"

const slackFind = "test/connectors/slack-find.test.ts"

const payment = "connectors/stripe/Payment.ts"
const history = "connectors/slack/History.ts"
const refund = "connectors/stripe/Refund.ts"
const smtpConversation = "connectors/smtp/conversation.ts"
const smtpVerdict = "connectors/smtp/verdict.ts"

/** The two judgements of a refund that Stripe answers with 200, in the order in which they stand. */
const refundOfAnother = `    if (!isNamed(object, key)) {
      return Effect.fail(unknown(\`answered with \${id}, which does not carry the call's key\`))
    }
`
const refundCameBack = `    if (status !== null && cameBack.has(status)) {
      return Effect.fail(
        new StripeRefused({
          type: "refund",
          code: status,
          declineCode: failure_reason ?? null,
          said: \`the refund \${id} was \${status} at once\`,
          payment: object.payment_intent,
          request: null
        })
      )
    }
`

export const connectorMutants: ReadonlyArray<Mutant> = [
  {
    name: "a Basic password is struck out from its last colon on",
    edits: [
      {
        file: "connectors/http/Secrets.ts",
        find: 'pair.slice(pair.indexOf(":") + 1)',
        replace: 'pair.slice(pair.lastIndexOf(":") + 1)'
      }
    ],
    caughtBy: [http],
    named: "a password in it that has colons"
  },
  {
    name: "a request goes to the provider's host in the clear",
    edits: [
      {
        file: "connectors/http/Request.ts",
        find: "url.host === base.host && !(url.origin === base.origin && url.pathname.startsWith(from.pathname))",
        replace: "url.origin === base.origin && !url.pathname.startsWith(from.pathname)"
      }
    ],
    caughtBy: ["test/connectors/http-address.test.ts"],
    named: "never leaves in the clear"
  },
  {
    name: "secrets are struck out of an answer only where they stand as they are",
    edits: [
      {
        file: "connectors/http/Secrets.ts",
        find: "readings.flatMap((reading) => spansOf(forms, reading))",
        replace: "readings.slice(0, 1).flatMap((reading) => spansOf(forms, reading))"
      }
    ],
    caughtBy: [http],
    named: "whichever way the provider writes"
  },
  {
    name: "the JSON of an answer is read from its clean text, and not cleaned again",
    edits: [
      {
        file: "connectors/http/Answer.ts",
        find: "JSON.parse(said, (_name, value: unknown) => cleanly(value, clean))",
        replace: "JSON.parse(clean(said))"
      }
    ],
    caughtBy: [http],
    named: "its JSON can be read all the same"
  },
  {
    name: "the names in an answer's JSON are not cleaned",
    edits: [
      {
        file: "connectors/http/Answer.ts",
        find: "[clean(name), member]",
        replace: "[name, member]"
      }
    ],
    caughtBy: [http],
    named: "has no secret in its JSON either"
  },
  {
    name: "what is redacted in a body is a secret only where it is a text",
    edits: [
      {
        file: "connectors/http/Body.ts",
        find: "JSON.parse(secret, remember)",
        replace: 'JSON.parse(secret, typeof Redacted.value(given) === "string" ? remember : undefined)'
      }
    ],
    caughtBy: [http],
    named: "which is sent as it is"
  },
  {
    name: "no proxy sends a PUT twice",
    edits: [
      {
        file: "connectors/http/Evidence.ts",
        find: 'new Set(["PUT", "DELETE"])',
        replace: 'new Set(["DELETE"])'
      }
    ],
    caughtBy: [httpAnswers],
    named: "to a PUT proves nothing"
  },
  {
    name: "only a thing that is not there is an answer to a second copy",
    edits: [
      {
        file: "connectors/http/Evidence.ts",
        find: "new Set([400, 402, 403, 404, 410, 422])",
        replace: "new Set([404, 410])"
      }
    ],
    caughtBy: [httpAnswers],
    named: "to a DELETE proves nothing"
  },
  {
    name: "an answer that is chunked, but not at last, is whole when its connection ends",
    edits: [
      {
        file: "connectors/http/Exchange.ts",
        find: String.raw`/(?:^|,)\s*chunked$/i`,
        replace: String.raw`/(?:^|,)\s*chunked\b/i`
      }
    ],
    caughtBy: [httpAnswers],
    named: "chunked but not at last"
  },
  {
    name: "an answer in a coding that is named like chunked is whole when its connection ends",
    edits: [
      {
        file: "connectors/http/Exchange.ts",
        find: String.raw`/(?:^|,)\s*chunked$/i`,
        replace: String.raw`/\bchunked$/i`
      }
    ],
    caughtBy: [httpAnswers],
    named: "only named like chunked"
  },
  {
    name: "a refund that came back is a refusal, whosever it is",
    edits: [
      {
        file: refund,
        find: `${refundOfAnother}${refundCameBack}`,
        replace: `${refundCameBack}${refundOfAnother}`
      }
    ],
    caughtBy: [stripeAnswers],
    named: "under another key is OutcomeUnknown"
  },
  {
    name: "a look-up of a payment judges the newest of its key alone",
    edits: [
      {
        file: payment,
        find: "const open = ours.find(({ status }) => !unpaid.has(status))",
        replace: "const open = ours.slice(0, 1).find(({ status }) => !unpaid.has(status))"
      }
    ],
    caughtBy: ["test/connectors/stripe-lookup.test.ts"],
    named: "although a newer one is cancelled"
  },
  {
    name: "a payment whose customer is said to be there waits for them",
    edits: [
      {
        file: payment,
        find: "...(offSession === true ? { off_session: true } : { error_on_requires_action: true }),",
        replace:
          "...(offSession === undefined ? { error_on_requires_action: true } : { off_session: offSession }),"
      }
    ],
    caughtBy: [stripeAnswers],
    named: "has a payment fail that would need the customer"
  },
  {
    name: "hidden replies of a thread count as read",
    edits: [
      {
        file: history,
        find: "isLimited ||= page.is_limited === true",
        replace: "isLimited ||= page.is_limited === true && thread === undefined"
      }
    ],
    caughtBy: [slackFind],
    named: "of a thread either where its older part is hidden"
  },
  {
    name: "a failed look-up tells the channel's messages",
    edits: [
      {
        file: history,
        find: "Slack answered ${told(answer)}",
        replace: "Slack answered ${answer.words}"
      },
      { file: history, find: 'import { told } from "./verdict.ts"\n', replace: "" }
    ],
    caughtBy: [slackFind],
    named: "nobody's words are told"
  },
  {
    name: "a doubt about a message repeats the message",
    edits: [
      {
        file: "connectors/slack/verdict.ts",
        find: "new OutcomeUnknown({ reason: `Slack answered ${told(answer)}` })",
        replace: "new OutcomeUnknown({ reason: `Slack answered ${answer.words}` })"
      }
    ],
    caughtBy: ["test/connectors/slack.test.ts"],
    named: "is told with its status alone"
  },
  {
    name: "a change of one's own is refused although its payment may still be paid",
    edits: [
      {
        file: "connectors/stripe/Stripe.ts",
        find: "settle: Effect.succeed, mayStillHappen })",
        replace: "settle: Effect.succeed, mayStillHappen: mayStillHappen ?? (() => false) })"
      }
    ],
    caughtBy: [stripeAnswers],
    named: "behind that may still be paid"
  },
  {
    name: "a broken connection that is told in several lines is a no to the mail",
    edits: [
      {
        file: smtpVerdict,
        find: String.raw`/(?<![\d.])(?:`,
        replace: String.raw`/^\d{3} (?:`
      }
    ],
    caughtBy: [smtpAnswers],
    named: "answered with 451 4.4.2 in several lines"
  },
  {
    name: "a broken connection that the last line alone tells is a no to the mail",
    edits: [
      {
        file: smtpVerdict,
        find: String.raw`/(?<![\d.])(?:`,
        replace: String.raw`/^\d{3}[ -](?:`
      }
    ],
    caughtBy: [smtpAnswers],
    named: "4.4.2 in the last of them alone"
  },
  {
    name: "a broken connection is not heard of beside other words",
    edits: [
      {
        file: smtpVerdict,
        find: String.raw`/(?<![\d.])(?:`,
        replace: String.raw`/(?<=(?:^|\n)\d{3}[ -])(?:`
      }
    ],
    caughtBy: [smtpAnswers],
    named: "4.4.2 after a hash"
  },
  {
    name: "a broken connection is a refusal where its code begins with five",
    edits: [
      {
        file: smtpVerdict,
        find: "code === 421 || brokeBehind.test(reply)",
        replace: "code === 421 || (code < 500 && brokeBehind.test(reply))"
      }
    ],
    caughtBy: [smtpAnswers],
    named: "554 4.4.2 lost the server behind me"
  },
  {
    name: "Postfix whose filter did not answer has not taken the mail",
    edits: [{ file: smtpVerdict, find: String.raw`|4\.3\.0)`, replace: ")" }],
    caughtBy: [smtpAnswers],
    named: "4.3.0 Error: queue file write error"
  },
  {
    name: "Exchange that lost its back end has not taken the mail",
    edits: [{ file: smtpVerdict, find: String.raw`|\bPRX\d/`, replace: "/" }],
    caughtBy: [smtpAnswers],
    named: "Please try again later. PRX4"
  },
  {
    name: "the password is told where the server repeats the login",
    edits: [
      {
        file: smtpConversation,
        find: "reply !== undefined && loggingIn ? codesOf(reply) : reply",
        replace: "reply"
      }
    ],
    caughtBy: [smtp],
    named: "tells the codes alone"
  },
  {
    name: "the password is told where the server hangs up while it repeats the login",
    edits: [
      {
        file: smtpConversation,
        find: "reply !== undefined && loggingIn ?",
        replace: 'reply !== undefined && loggingIn && error.command?.startsWith("AUTH") ?'
      }
    ],
    caughtBy: [smtp],
    named: "hangs up within the line"
  },
  {
    name: "the environment can have mail servers trusted that nobody knows",
    edits: [{ file: smtpConversation, find: "      rejectUnauthorized: true,\n", replace: "" }],
    caughtBy: [smtp],
    named: "although the environment says to trust any"
  },
  {
    name: "the environment can have brokers trusted that nobody knows",
    edits: [{ file: "connectors/door/Link.ts", find: "        rejectUnauthorized: true,\n", replace: "" }],
    caughtBy: ["test/connectors/door.test.ts"],
    named: "although the environment says to trust anybody"
  },
  {
    name: "a mail leaves whatever the server said to DATA",
    edits: [
      {
        file: smtpConversation,
        find: "return replyCode(reply) === 354 ? undefined :",
        replace: "return replyCode(reply) !== undefined ? undefined :"
      }
    ],
    caughtBy: [smtpAnswers],
    named: "data is answered with 250"
  }
]
