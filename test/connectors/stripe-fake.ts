/**
 * A fake of Stripe's API v1, with its documented behaviour around idempotency keys: a real HTTP server that
 *
 * - checks the key of the account and the limits before it looks at the idempotency key
 * - saves what an execution came to, 500s included, and answers the same key with it, marked as replayed
 * - refuses the same key with other parameters, and answers 409 while the first request is carried out
 * - saves nothing for what fails validation
 * - forgets keys after a time, on a clock that a test moves
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import { text } from "node:stream/consumers"
import { Duration, Effect } from "effect"
import type * as Laws from "fibric/testing/laws"
import { serving } from "./http-provider.ts"
import { invalid, makeAccount, type Reply } from "./stripe-account.ts"

export const secretKey = "sk_test_correct_horse_battery_staple"

/**
 * What goes wrong with the next request that would change something.
 *
 * - `fails after`, `fails before`: a 500, after the change was made or before; saved either way
 * - `is limited`: a 429 of the rate limiter; `is locked`: the 429 of a lock that could not be had
 * - `hangs`: it is carried out only when `letGo` is called
 */
export type Trouble = "fails after" | "fails before" | "is limited" | "is locked" | "hangs"

interface Saved {
  readonly asked: string
  readonly atMillis: number
  /** `undefined` while it is carried out. */
  reply: Reply | undefined
}

/** A request, as the fake has heard it. */
export interface Heard {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage["headers"]
  readonly body: string
}

const errorOf = (status: number, error: Readonly<Record<string, string>>): Reply => ({
  status,
  body: { error }
})

const failed = errorOf(500, { type: "api_error", message: "An unknown error occurred." })

/** Stripe keeps keys for at least 24 hours; this fake for 24 hours and a second. */
const keepMillis = Duration.toMillis("24 hours") + 1_000

/** Head and body in packets of their own, so that a wire can be cut between them. */
const say = (response: ServerResponse, { body, status }: Reply, replayed = false): void => {
  const headers = { "content-type": "application/json", "request-id": "req_fake" }
  response
    .writeHead(status, replayed ? { ...headers, "idempotent-replayed": "true" } : headers)
    .flushHeaders()
  setTimeout(() => response.end(JSON.stringify(body)), 5)
}

const validated = (path: string, fields: URLSearchParams): Reply | undefined => {
  if (path === "/v1/refunds") return undefined
  if (path !== "/v1/payment_intents")
    return errorOf(404, { type: "invalid_request_error", code: "unknown_url" })
  return Number(fields.get("amount")) < 50
    ? invalid("amount_too_small", "Amount must be at least 50 cents.")
    : undefined
}

/** The fake, and what has really happened there. */
export const stripeFake = Effect.fnUntraced(function* ({
  searchLag = "1 minute"
}: { readonly searchLag?: Duration.Input } = {}) {
  const account = makeAccount(Duration.toMillis(searchLag))
  const saved = new Map<string, Saved>()
  const heard: Array<Heard> = []
  const troubles: Array<Trouble> = []
  const hanging: Array<() => void> = []

  const known = (key: string | undefined): Saved | undefined => {
    const entry = key === undefined ? undefined : saved.get(key)
    return entry !== undefined && entry.atMillis + keepMillis > account.clock.nowMillis ? entry : undefined
  }

  const execute = (
    path: string,
    fields: URLSearchParams,
    key: string | undefined,
    trouble?: Trouble
  ): Reply => {
    if (trouble === "fails before") return failed
    const reply = account.execute(path, fields, key)
    return trouble === "fails after" ? failed : reply
  }

  const change = (response: ServerResponse, path: string, body: string, key: string | undefined): void => {
    const trouble = troubles.shift()
    if (trouble === "is limited") {
      return say(response, errorOf(429, { type: "invalid_request_error", code: "rate_limit" }))
    }
    const asked = `${path}?${body}`
    const first = known(key)
    if (first !== undefined) {
      if (first.reply === undefined) {
        const code = "idempotency_key_in_use"
        return say(response, errorOf(409, { type: "idempotency_error", code }))
      }
      return first.asked === asked
        ? say(response, first.reply, true)
        : say(response, errorOf(400, { type: "idempotency_error", message: "Keys can only be used once." }))
    }
    const fields = new URLSearchParams(body)
    const unfit = validated(path, fields)
    if (unfit !== undefined) return say(response, unfit)
    if (trouble === "is locked") {
      return say(response, errorOf(429, { type: "invalid_request_error", code: "lock_timeout" }))
    }
    const entry: Saved = { asked, atMillis: account.clock.nowMillis, reply: undefined }
    if (key !== undefined) saved.set(key, entry)
    const goOn = (): void => say(response, (entry.reply = execute(path, fields, key, trouble)))
    if (trouble === "hangs") hanging.push(goOn)
    else goOn()
  }

  const port = yield* serving(async (request, response) => {
    const body = await text(request).catch(() => undefined) // it hung up in the middle
    if (body === undefined) return
    const url = new URL(request.url ?? "/", "http://stripe")
    const { headers, method = "" } = request
    heard.push({ method, path: `${url.pathname}${url.search}`, headers, body })
    if (headers.authorization !== `Bearer ${secretKey}`) {
      const message = `Invalid API Key provided: ${headers.authorization}`
      return say(response, errorOf(401, { type: "invalid_request_error", message }))
    }
    if (method === "GET") return say(response, account.read(url.pathname, url.searchParams))
    change(response, url.pathname, body, headers["idempotency-key"]?.toString())
  })

  return {
    port,
    heard,
    account,
    effects: Effect.sync((): ReadonlyArray<Laws.Happened> => account.effects()),
    /** What goes wrong with the next changes, in this order. */
    trouble: (...next: ReadonlyArray<Trouble>) => Effect.sync(() => void troubles.push(...next)),
    /** Lets what hangs be carried out. */
    letGo: Effect.sync(() => {
      for (const goOn of hanging.splice(0)) goOn()
    }),
    /** Moves the fake's clock: keys are forgotten, searches catch up. */
    pass: (time: Duration.Input) =>
      Effect.sync(() => void (account.clock.nowMillis += Duration.toMillis(time)))
  }
})

/** How many POSTs the fake has heard. */
export const posts = ({ heard }: { readonly heard: ReadonlyArray<Heard> }): number =>
  heard.filter(({ method }) => method === "POST").length
