/**
 * Candidates: the texts that a number was sent lately, for a person who decides about a doubt.
 *
 * Hints, and no proof: Twilio keeps nothing with a text by which it could be told from another one. The
 * same words may have been meant twice, and none here may mean not yet. Twilio owns the list.
 */
import { Effect, Option, Schema } from "effect"
import type { Call } from "fibric"
import * as Http from "fibric/connectors/http"
import { PhoneNumber, type TextMessage } from "./TextMessage.ts"

export interface Candidate {
  readonly sid: string
  readonly status: string
  /** When Twilio took it, as Twilio writes it: `Mon, 16 Aug 2010 03:45:01 +0000`. */
  readonly createdAt: string
  /** Whether it ends with the same words; before them a trial account says that it is one. */
  readonly sameText: boolean
}

export interface Candidates {
  /** In Twilio's order, those of the latest day first; at most 50. */
  readonly texts: ReadonlyArray<Candidate>
  /** Whether there are older ones, which are not here. */
  readonly more: boolean
}

const mostTexts = 50

const decodeNumber = Schema.decodeUnknownEffect(PhoneNumber)

const decodePage = Schema.decodeUnknownOption(
  Schema.Struct({
    messages: Schema.Array(
      Schema.Struct({
        sid: Schema.String,
        status: Schema.String,
        direction: Schema.String,
        date_created: Schema.String,
        body: Schema.NullOr(Schema.String)
      })
    ),
    next_page_uri: Schema.optional(Schema.NullOr(Schema.String))
  })
)

/** A question bears no key; of the call only its deadline counts. */
const asking: Call = {
  key: "candidates",
  entity: { type: "sms-recipient", id: "candidates" },
  attempt: 1,
  deadlineMillis: 30_000
}

const failed = (reason: string) => new Http.LookupFailed({ reason })

/** Asks Twilio for what the number was sent. */
export const candidatesFor = Effect.fnUntraced(function* (
  api: Http.Api,
  account: string,
  { text, to }: TextMessage
): Effect.fn.Return<Candidates, Http.LookupFailed> {
  const number = yield* Effect.mapError(decodeNumber(to), ({ message }) => failed(message))
  const read: Http.Finding<Candidates> = (answer) => {
    const page = answer.status === 200 ? Option.flatMap(answer.json, decodePage) : Option.none()
    // What Twilio says is left out: it has the number in it.
    if (Option.isNone(page)) return Effect.fail(failed(`Twilio answered ${answer.status}`))
    const texts = page.value.messages
      .filter(({ direction }) => direction.startsWith("outbound"))
      .map(({ body, date_created, sid, status }) => ({
        sid,
        status,
        createdAt: date_created,
        sameText: body?.endsWith(text) ?? false
      }))
    return Effect.succeedSome({ texts, more: (page.value.next_page_uri ?? null) !== null })
  }
  const request = Http.get(["Accounts", account, "Messages.json"], {
    query: { To: number, PageSize: mostTexts }
  })
  return Option.getOrElse(yield* api.lookUp(request, read, asking), () => ({ texts: [], more: false }))
})
