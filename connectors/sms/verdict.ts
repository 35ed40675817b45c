/**
 * Verdict: what Twilio's answer to a text proves.
 *
 * The status decides whether a text was taken. Twilio's codes are finer, but it goes on splitting them, and
 * advises against building on them: here a code decides no more than whether a definite no is for good, so
 * that one which means something else tomorrow makes no second text.
 */
import { Effect, Option, Schema } from "effect"
import { NotPerformed, OutcomeUnknown } from "fibric"
import * as Http from "fibric/connectors/http"
import { lineOf, Sent } from "./TextMessage.ts"

/** Twilio's definite no to this text: settled, and replayed to whoever asks again. */
export class SmsRefused extends Schema.TaggedError<SmsRefused>()("SmsRefused", {
  /** Twilio's code, such as 21610. Its sentence is left out: it has the number in it. */
  code: Schema.Int
}) {
  override get message() {
    return `Twilio refused the text (${this.code}): nothing was sent, and asking again gets the same answer. Mend the number or the text, then reopen the key by name.`
  }
}

/** About the text and the number that it is for, whoever sends it. */
const refusals: ReadonlySet<number> = new Set([
  21211, // no valid number
  21265, // a short code
  21266, // the sender's own number
  21602, // no text
  21604, // no number
  21610, // the recipient has opted out
  21614, // no mobile number
  21617, // too long a text
  21635 // a landline
])

const decodeSent = Schema.decodeUnknownOption(Sent)

/** The shape of Twilio's errors: an answer without it is somebody else's. */
const decodeError = Schema.decodeUnknownOption(Schema.Struct({ code: Schema.Int, status: Schema.Int }))

const denied = (what: string) =>
  new NotPerformed({ proof: "provider_denies", reason: `Twilio answered ${what}` })

const unknown = (what: string) => new OutcomeUnknown({ reason: `Twilio answered ${what}` })

/** Reads the answer to a text. */
export const verdict: Http.Reading<Sent, SmsRefused> = (answer) =>
  Effect.suspend((): Effect.Effect<Sent, SmsRefused | NotPerformed | OutcomeUnknown> => {
    // Created is what Twilio answers to a text that it has taken; to nothing else.
    if (answer.status === 201) {
      return Effect.fromOption(Option.flatMap(answer.json, decodeSent)).pipe(
        Effect.mapBoth({
          onFailure: () => unknown("201, and its body is no text's"),
          onSuccess: ({ sid, status }) => ({ sid: lineOf(sid), status: lineOf(status) })
        })
      )
    }
    const error = Option.filter(
      Option.flatMap(answer.json, decodeError),
      ({ status }) => status === answer.status
    )
    return Effect.fail(
      Option.match(error, {
        // Its words may be Twilio's all the same, with the number in them.
        onNone: () => byStatus(answer, String(answer.status)),
        onSome: ({ code }) =>
          answer.status === 400 && refusals.has(code)
            ? new SmsRefused({ code })
            : byStatus(answer, `${answer.status} with its code ${code}`, true)
      })
    )
  })

/** What the standards say of a status, and Twilio of its own 429: such requests "aren't processed". */
const byStatus = (answer: Http.Answer, what: string, isTwilio = false): NotPerformed | OutcomeUnknown => {
  if (isTwilio && answer.status === 429) return denied(what)
  const evidence = Http.byStandard(answer)
  return evidence === "refused" || evidence === "not_performed" ? denied(what) : unknown(what)
}
