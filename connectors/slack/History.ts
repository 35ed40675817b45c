/**
 * History: looks in a channel for the message that a key has left there.
 *
 * Slack owns the truth, page by page. "Nothing" is said only where all of it was read that could hold the
 * message; what was not read proves nothing, and is a failure.
 */
import { type DateTime, Duration, Effect, Option, Schema } from "effect"
import type { Call } from "fibric"
import * as Http from "fibric/connectors/http"
import { bears, ChannelId, lineOf, type Posted, Timestamp } from "./Message.ts"
import { told } from "./verdict.ts"

/** Where a message is looked for. */
export interface Place {
  readonly channel: string
  /** The message that it replies to: replies are not in a channel's own history. */
  readonly thread?: string | undefined
  /**
   * An instant before which it can't have been posted, such as when the order was made: it makes the
   * search short. Slack's clock may be five minutes behind. Default: all of the channel's history. A thread
   * is read from its beginning all the same.
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

const nullable = <S extends Schema.Constraint>(schema: S) => Schema.optional(Schema.NullOr(schema))

const PageBody = Schema.Struct({
  ok: Schema.Literal(true),
  messages: Schema.Array(
    Schema.Struct({
      ts: nullable(Schema.String),
      thread_ts: nullable(Schema.String),
      metadata: Schema.optional(Schema.Unknown)
    })
  ),
  has_more: nullable(Schema.Boolean),
  /** A workspace without a plan shows no more than its last 90 days. */
  is_limited: nullable(Schema.Boolean),
  response_metadata: nullable(Schema.Struct({ next_cursor: nullable(Schema.String) }))
})
type PageBody = typeof PageBody.Type

const decodePage = Schema.decodeUnknownOption(PageBody)

const failed = (reason: string) => new Http.LookupFailed({ reason })

/** Reads a page. */
const readPage: Http.Finding<PageBody> = (answer) => {
  const page = answer.status === 200 ? Option.flatMap(answer.json, decodePage) : Option.none()
  // The page itself is other people's messages.
  return Option.isNone(page) ? Effect.fail(failed(`Slack answered ${told(answer)}`)) : Effect.succeed(page)
}

const requestFor = ({ channel, earliestAt, thread }: Place, cursor: string | undefined) =>
  Http.get(thread === undefined ? ["conversations.history"] : ["conversations.replies"], {
    query: {
      channel,
      include_all_metadata: "true",
      limit: pageSize,
      ...(thread === undefined ? oldestOf(earliestAt) : { ts: thread }),
      ...(cursor === undefined ? {} : { cursor })
    }
  })

const oldestOf = (earliestAt: DateTime.Utc | undefined) => {
  if (earliestAt === undefined) return {}
  const seconds = (earliestAt.epochMilliseconds - Duration.toMillis(clockMargin)) / 1_000
  return { oldest: Math.max(0, seconds).toFixed(6), inclusive: "true" }
}

/** Asked for the thread of a reply, Slack may show that reply alone: what a thread begins with replies to nothing else. */
const beginsThread =
  (thread: string) =>
  ({ thread_ts, ts }: PageBody["messages"][number]): boolean =>
    ts === thread && (thread_ts ?? thread) === thread

/** Reads page after page until the message is found, the end is reached, or `mostPages` have been read. */
export const search = Effect.fnUntraced(function* (
  api: Http.Api,
  mostPages: number,
  place: Place,
  call: Call
): Effect.fn.Return<Option.Option<Posted>, Http.LookupFailed> {
  yield* Effect.mapError(decodePlace(place), ({ message }) => failed(message))
  const { channel, thread } = place
  let cursor: string | undefined
  let isWhole = thread === undefined
  let isLimited = false
  for (let pages = 0; pages < mostPages; pages++) {
    // Every page that is read is found.
    const page = Option.getOrThrow(yield* api.lookUp(requestFor(place, cursor), readPage, call))
    const found = page.messages.find(({ metadata }) => bears(metadata, call.key))
    if (found !== undefined) {
      if (typeof found.ts !== "string") return yield* failed("Slack shows the message without its timestamp")
      return Option.some({ channel, ts: lineOf(found.ts) })
    }
    isWhole ||= thread !== undefined && page.messages.some(beginsThread(thread))
    isLimited ||= page.is_limited === true
    cursor = page.response_metadata?.next_cursor ?? ""
    if (cursor !== "") continue
    if (page.has_more === true)
      return yield* failed("Slack has more messages, and does not say how to read on")
    if (isLimited) return yield* failed("Slack hides the older part of this channel's history")
    if (!isWhole) return yield* failed(`no thread begins with ${thread}`)
    return Option.none()
  }
  return yield* failed(`${mostPages} pages of ${channel} were read, and there are more`)
})
