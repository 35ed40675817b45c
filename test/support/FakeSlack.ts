/**
 * A fake of Slack's Web API with its documented behaviour, as far as the connector meets it:
 * `chat.postMessage`, `conversations.history` and `conversations.replies`, a 200 for yes and for no, and no
 * idempotency key. It has every channel that it is asked about, except for those that it was told are
 * archived. It keeps nothing besides the messages, in memory.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import { text as textOf } from "node:stream/consumers"
import { Clock, Effect, type Scope } from "effect"
import { serving } from "../connectors/http-provider.ts"

/** The token that it takes, unless it is told another one. */
export const token = "xoxb-fake-correct-horse-battery-staple"

/**
 * How it deals with posts.
 *
 * - `well`: as Slack does
 * - `swallow`: posts and never answers
 * - `deaf`: neither posts nor answers
 * - `shaken`: posts, and answers `internal_error`
 * - `busy`: answers 429, and posts nothing
 * - `{ error }`: says no with this word, and posts nothing
 */
export type Behaviour = "well" | "swallow" | "deaf" | "shaken" | "busy" | { readonly error: string }

export interface Posting {
  readonly channel: string
  readonly text: string
  readonly ts: string
  /** The message that it replies to. */
  readonly thread?: string
  readonly metadata?: { readonly event_type: string; readonly event_payload: unknown }
}

export interface FakeSlack {
  /** For the connector's `url`, beside `plaintext: true` and `networks: ["127.0.0.1"]`. */
  readonly url: string
  readonly port: number
  /** Every message that has been posted, the oldest first. */
  readonly messages: Effect.Effect<ReadonlyArray<Posting>>
  /** From the next post on. */
  readonly behave: (behaviour: Behaviour) => Effect.Effect<void>
  /** Somebody else talks in the channel: so many messages. */
  readonly chatter: (channel: string, count: number) => Effect.Effect<void>
}

export interface Options {
  readonly token?: string
  readonly archived?: ReadonlyArray<string>
  /** It gives no more at a time, whatever it is asked for; Slack may. */
  readonly pageSize?: number
  /** Its history is limited, as that of a workspace without a plan. */
  readonly limited?: boolean
}

type Said = readonly [status: number, body: object]

const no = (error: string): Said => [200, { ok: false, error }]

/** What a message looks like in a history. Without being asked for all of it, the metadata's payload stays away. */
const shown = ({ metadata, text, thread, ts }: Posting, all: boolean) => ({
  type: "message",
  text,
  ts,
  ...(thread === undefined ? {} : { thread_ts: thread }),
  ...(metadata === undefined ? {} : { metadata: all ? metadata : { event_type: metadata.event_type } })
})

/** A page of what fits, the newest first. A cursor names the message that the next page begins with. */
const pageOf = (fitting: ReadonlyArray<Posting>, query: URLSearchParams, options: Options): Said => {
  const limit = Math.min(Number(query.get("limit") ?? 100), options.pageSize ?? 999)
  const cursor = query.get("cursor")
  const newest = fitting.toReversed()
  const from =
    cursor === null ? 0 : newest.findIndex(({ ts }) => ts === Buffer.from(cursor, "base64").toString("utf8"))
  if (from === -1) return no("invalid_cursor")
  const next = newest[from + limit]
  const all = query.get("include_all_metadata") === "true"
  return [
    200,
    {
      ok: true,
      messages: newest.slice(from, from + limit).map((posting) => shown(posting, all)),
      has_more: next !== undefined,
      ...(options.limited === true ? { is_limited: true } : {}),
      response_metadata: { next_cursor: next === undefined ? "" : Buffer.from(next.ts).toString("base64") }
    }
  ]
}

const historyOf = (postings: ReadonlyArray<Posting>, query: URLSearchParams, options: Options): Said => {
  const inclusive = query.get("inclusive") === "true"
  const oldest = Number(query.get("oldest") ?? 0)
  const thread = query.get("ts")
  const fitting = postings.filter(
    (posting) =>
      posting.channel === query.get("channel") &&
      (thread === null ? posting.thread === undefined : [posting.ts, posting.thread].includes(thread)) &&
      (inclusive ? Number(posting.ts) >= oldest : Number(posting.ts) > oldest)
  )
  return thread !== null && fitting.length === 0 ? no("thread_not_found") : pageOf(fitting, query, options)
}

/** A fake Slack on a free port of this machine, for as long as the scope. */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<FakeSlack, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const postings: Array<Posting> = []
  let behaviour: Behaviour = "well"

  const add = (posting: Omit<Posting, "ts">): Posting => {
    const seconds = Math.floor(clock.currentTimeMillisUnsafe() / 1_000)
    const ts = `${seconds}.${String(postings.length + 1).padStart(6, "0")}`
    const added = { ...posting, ts }
    postings.push(added)
    return added
  }
  const post = (body: string): Said | undefined => {
    const { channel, metadata, text, thread_ts } = JSON.parse(body)
    if (options.archived?.includes(channel)) return no("is_archived")
    if (typeof behaviour === "object") return no(behaviour.error)
    if (behaviour === "busy") return [429, { ok: false, error: "ratelimited" }]
    if (behaviour === "deaf") return undefined
    const thread = thread_ts === undefined ? {} : { thread: String(thread_ts) }
    const { ts } = add({ channel, text, ...thread, ...(metadata === undefined ? {} : { metadata }) })
    if (behaviour === "swallow") return undefined
    return behaviour === "shaken" ? no("internal_error") : [200, { ok: true, channel, ts, message: { text } }]
  }
  const answerTo = async (request: IncomingMessage): Promise<Said | undefined> => {
    const url = new URL(request.url ?? "/", "http://slack")
    const body = await textOf(request).catch(() => undefined) // it hung up in the middle
    if (body === undefined) return undefined
    if (request.headers.authorization !== `Bearer ${options.token ?? token}`) return no("invalid_auth")
    switch (`${request.method} ${url.pathname}`) {
      case "POST /api/chat.postMessage":
        return post(body)
      case "GET /api/conversations.history":
      case "GET /api/conversations.replies":
        return historyOf(postings, url.searchParams, options)
      default:
        return no("unknown_method")
    }
  }
  const port = yield* serving(async (request: IncomingMessage, response: ServerResponse) => {
    const said = await answerTo(request)
    if (said === undefined) return
    const [status, body] = said
    const retry = status === 429 ? { "retry-after": "30" } : {}
    response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...retry })
    // Head and body in packets of their own, so that a wire can be cut between them.
    response.flushHeaders()
    setTimeout(() => response.end(JSON.stringify(body)), 5)
  })
  return {
    url: `http://127.0.0.1:${port}/api`,
    port,
    messages: Effect.sync(() => [...postings]),
    behave: (next) => Effect.sync(() => void (behaviour = next)),
    chatter: (channel, count) =>
      Effect.sync(() => {
        for (let i = 0; i < count; i++) add({ channel, text: `chatter ${i}` })
      })
  }
})
