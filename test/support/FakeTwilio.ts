/**
 * A fake of Twilio's Messages resource with its documented behaviour, as far as the connector meets it: a form
 * in, 201 and a SID out, errors by code, a list by recipient, and neither an idempotency key nor anything of
 * ours in what it tells. Numbers that Twilio documents for tests are refused as they are there. It sends
 * nothing, and keeps the texts in memory.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import { text as textOf } from "node:stream/consumers"
import { Clock, Effect, type Scope } from "effect"
import { serving } from "../connectors/http-provider.ts"

export const account = `AC${"0123456789abcdef".repeat(2)}`

/** The account's token. */
export const secret = "fake-twilio-correct-horse-battery"

/** The number that it lets texts come from. */
export const from = "+15005550006"

/** Twilio's own numbers for tests: what a text to them is answered with. */
const magic: Readonly<Record<string, number>> = {
  "+15005550001": 21211,
  "+15005550002": 21612,
  "+15005550003": 21408,
  "+15005550004": 21610,
  "+15005550009": 21614
}

/**
 * How it deals with texts.
 *
 * - `well`: as Twilio does
 * - `swallow`: takes the text and never answers
 * - `shaken`: takes the text, and answers 500
 * - `busy`: answers 429, and takes nothing
 */
export type Behaviour = "well" | "swallow" | "shaken" | "busy"

export interface Taken {
  readonly sid: string
  readonly status: string
  readonly fields: Readonly<Record<string, string>>
  readonly date_created: string
}

export interface FakeTwilio {
  readonly port: number
  /** Every text that was taken, the oldest first. */
  readonly texts: Effect.Effect<ReadonlyArray<Taken>>
  /** From the next text on. */
  readonly behave: (behaviour: Behaviour) => Effect.Effect<void>
}

type Said = readonly [status: number, body: object]

const no = (status: number, code: number): Said => [
  status,
  { code, status, message: `fake error ${code}`, more_info: `https://www.twilio.com/docs/errors/${code}` }
]

const resourceOf = ({ date_created, fields, sid, status }: Taken) => ({
  sid,
  status,
  date_created,
  date_sent: null,
  account_sid: account,
  direction: "outbound-api",
  to: fields["To"],
  from: fields["From"] ?? null,
  messaging_service_sid: fields["MessagingServiceSid"] ?? null,
  body: fields["Body"],
  error_code: null,
  error_message: null
})

const listOf = (texts: ReadonlyArray<Taken>, query: URLSearchParams): Said => {
  const size = Number(query.get("PageSize") ?? 50)
  const fitting = texts.filter(({ fields }) => fields["To"] === query.get("To")).toReversed()
  const next = fitting.length > size ? `/2010-04-01/Accounts/${account}/Messages.json?Page=1` : null
  return [200, { messages: fitting.slice(0, size).map(resourceOf), next_page_uri: next }]
}

const whoIs = ({ headers }: IncomingMessage): string =>
  Buffer.from((headers.authorization ?? "").replace(/^Basic /, ""), "base64").toString("utf8")

/** A fake Twilio on a free port of this machine, for as long as the scope. */
export const make = Effect.fnUntraced(function* (): Effect.fn.Return<FakeTwilio, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const texts: Array<Taken> = []
  let behaviour: Behaviour = "well"

  const take = (body: string): Said | undefined => {
    const fields = Object.fromEntries(new URLSearchParams(body))
    const { Body = "", From, MessagingServiceSid, To = "" } = fields
    const code = To === "" ? 21604 : Body === "" ? 21602 : Body.length > 1_600 ? 21617 : magic[To]
    if (code !== undefined) return no(400, code)
    if (MessagingServiceSid === undefined && From !== from) return no(400, 21606)
    if (behaviour === "busy") return no(429, 20429)
    const taken = {
      sid: `SM${String(texts.length + 1).padStart(32, "0")}`,
      status: MessagingServiceSid === undefined ? "queued" : "accepted",
      fields,
      date_created: new Date(clock.currentTimeMillisUnsafe()).toUTCString().replace("GMT", "+0000")
    }
    texts.push(taken)
    if (behaviour === "swallow") return undefined
    return behaviour === "shaken" ? no(500, 20500) : [201, resourceOf(taken)]
  }
  const answerTo = async (request: IncomingMessage): Promise<Said | undefined> => {
    const url = new URL(request.url ?? "/", "http://twilio")
    const body = await textOf(request).catch(() => undefined) // it hung up in the middle
    if (body === undefined) return undefined
    if (whoIs(request) !== `${account}:${secret}`) return no(401, 20003)
    if (url.pathname !== `/2010-04-01/Accounts/${account}/Messages.json`) return no(404, 20404)
    return request.method === "POST" ? take(body) : listOf(texts, url.searchParams)
  }
  const port = yield* serving(async (request: IncomingMessage, response: ServerResponse) => {
    const said = await answerTo(request)
    if (said === undefined) return
    const [status, body] = said
    // Head and body in packets of their own, so that a wire can be cut between them.
    response.writeHead(status, { "content-type": "application/json;charset=utf-8" }).flushHeaders()
    setTimeout(() => response.end(JSON.stringify(body)), 5)
  })
  return {
    port,
    texts: Effect.sync(() => [...texts]),
    behave: (next) => Effect.sync(() => void (behaviour = next))
  }
})
