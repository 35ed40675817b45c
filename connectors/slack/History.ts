/**
 * History: looks in a channel for the message that a key has left there.
 *
 * Slack owns the truth, page by page. "Nothing" is said only where all of it was read that could hold the
 * message; what was not read proves nothing, and is a failure.
 */
import { type DateTime, Duration, Effect, Option, Schema } from "effect"
import type { Call } from "fibric"
import * as Http from "fibric/connectors/http"
import { bears, ChannelId, type Posted, Timestamp } from "./Message.ts"

/** Where a message is looked for. */
export interface Place {
  readonly channel: string
  /** The message that it replies to: replies are not in a channel's own history. */
  readonly thread?: string | undefined
  /**
   * An instant before which it can't have been posted, such as when the order was made: it makes the
   * search short. Slack's clock may be five minutes behind. Default: all of the channel's history.
   */
  readonly earliestAt?: DateTime.Utc | undefined
}

/** What Slack advises to ask for at a time. It may give fewer. */
const pageSize = 200

/** How far Slack's clock may be behind the one that told `earliestAt`. */
const clockMargin = Duration.minutes(5)

const decodePlace = Schema.decodeUnknownEffect(
  Schema.Struct({ channel: ChannelId, thread: Schema.optional(Timestamp) })
)

const decodePage = Schema.decodeUnknownOption(
  Schema.Union([
    Schema.Struct({
      ok: Schema.Literal(true),
      messages: Schema.Array(Schema.Struct({ ts: Schema.String, metadata: Schema.optional(Schema.Unknown) })),
      has_more: Schema.optional(Schema.Boolean),
      /** A workspace without a plan shows no more than its last 90 days. */
      is_limited: Schema.optional(Schema.Boolean),
      response_metadata: Schema.optional(
        Schema.NullOr(Schema.Struct({ next_cursor: Schema.optional(Schema.String) }))
      )
    }),
    Schema.Struct({ ok: Schema.Literal(false), error: Schema.String })
  ])
)

/** What a page says: the message, or where to read on. */
type Page = { readonly found: Posted } | { readonly next: string }

const failed = (reason: string) => new Http.LookupFailed({ reason })

/** Reads a page. `None`: the end was reached, and it is not there. */
const pageOf =
  (channel: string, key: string): Http.Finding<Page> =>
  (answer) =>
    Effect.gen(function* () {
      const page = answer.status === 200 ? Option.flatMap(answer.json, decodePage) : Option.none()
      if (Option.isNone(page) || !page.value.ok) return yield* failed(`Slack answered ${answer.words}`)
      const { has_more, is_limited, messages, response_metadata } = page.value
      const found = messages.find(({ metadata }) => bears(metadata, key))
      if (found !== undefined) return Option.some({ found: { channel, ts: found.ts } })
      const next = response_metadata?.next_cursor ?? ""
      if (next !== "") return Option.some({ next })
      if (has_more === true) return yield* failed("Slack has more messages, and does not say how to read on")
      if (is_limited === true) return yield* failed("Slack hides the older part of this channel's history")
      return Option.none()
    })

const requestFor = ({ channel, earliestAt, thread }: Place, cursor: string | undefined) =>
  Http.get(thread === undefined ? ["conversations.history"] : ["conversations.replies"], {
    query: {
      channel,
      include_all_metadata: "true",
      limit: pageSize,
      ...(thread === undefined ? {} : { ts: thread }),
      ...(earliestAt === undefined ? {} : { oldest: oldestOf(earliestAt), inclusive: "true" }),
      ...(cursor === undefined ? {} : { cursor })
    }
  })

const oldestOf = (earliestAt: DateTime.Utc): string =>
  Math.max(0, (earliestAt.epochMilliseconds - Duration.toMillis(clockMargin)) / 1_000).toFixed(6)

/** Reads page after page until the message is found, the end is reached, or `mostPages` have been read. */
export const search = Effect.fnUntraced(function* (
  api: Http.Api,
  mostPages: number,
  place: Place,
  call: Call
): Effect.fn.Return<Option.Option<Posted>, Http.LookupFailed> {
  yield* Effect.mapError(decodePlace(place), ({ message }) => failed(message))
  let cursor: string | undefined
  for (let page = 0; page < mostPages; page++) {
    const read = yield* api.lookUp(requestFor(place, cursor), pageOf(place.channel, call.key), call)
    if (Option.isNone(read)) return Option.none()
    if ("found" in read.value) return Option.some(read.value.found)
    cursor = read.value.next
  }
  return yield* failed(`${mostPages} pages of ${place.channel} were read, and there are more`)
})
