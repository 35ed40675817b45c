/**
 * Request: what is asked of a provider, as a value, and the bytes that stand for it.
 *
 * The same payload and key make the same bytes, so that a request can be sent again. The capability owns
 * what is asked; the connector owns the headers that say where, how long and under which key.
 */
import { Redacted, Result } from "effect"
import type { UrlParams } from "effect/http"
import type { Call } from "fibric"
import { type Body, encode, fieldsOf } from "./Body.ts"
import type { Provider } from "./config.ts"
import { exposed, misfitIn, normal } from "./Headers.ts"
import { secretsIn } from "./Secrets.ts"

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE"

/**
 * Where it goes, seen from the provider's `url`: a path, or its segments, which are encoded, so that no
 * value of a payload can become another path. A whole URL goes where it says, if its host is allowed.
 */
export type Path = string | ReadonlyArray<string | number>

export interface RequestOptions {
  readonly query?: UrlParams.Input
  readonly headers?: Readonly<Record<string, string>>
}

export interface Request<M extends Method = Method> extends RequestOptions {
  readonly method: M
  readonly path: Path
  readonly body?: Body
}

/** Reads, and changes nothing: no key goes with it. */
export const get = (path: Path, options: RequestOptions = {}): Request<"GET"> => ({
  ...options,
  method: "GET",
  path
})

const changing =
  <M extends Method>(method: M) =>
  (path: Path, body?: Body, options: RequestOptions = {}): Request<M> => ({
    ...options,
    method,
    path,
    ...(body === undefined ? {} : { body })
  })

export const post = changing("POST")
export const put = changing("PUT")
export const patch = changing("PATCH")
export const del = changing("DELETE")

/** A request ready to leave. */
export interface Rendered {
  readonly url: URL
  readonly method: Method
  /** Whether a key goes with it. */
  readonly keyed: boolean
  /** Secrets are in here: it is for the socket alone. */
  readonly headers: Redacted.Redacted<Readonly<Record<string, string>>>
  readonly body: Uint8Array
  /** What must be struck out of the answer. */
  readonly secrets: ReadonlyArray<Redacted.Redacted>
}

const segmentOf = (segment: string | number): Result.Result<string, string> => {
  const text = String(segment)
  return text === "" || text === "." || text === ".."
    ? Result.fail(`${JSON.stringify(text)} can't be a segment of its path`)
    : Result.succeed(encodeURIComponent(text.toWellFormed()))
}

const locate = (path: Path, query: UrlParams.Input, { base, hosts, plaintext }: Provider) =>
  Result.gen(function* () {
    const text = typeof path === "string" ? path : (yield* Result.all(path.map(segmentOf))).join("/")
    // A base without its last slash would lose its last segment; a path with a first one, all of them.
    const from = new URL(base.href)
    from.pathname = base.pathname.replace(/\/*$/, "/")
    const url = URL.parse(typeof path === "string" ? text.replace(/^\/+/, "") : `./${text}`, from.href)
    if (url === null) return yield* Result.fail("its path makes no URL")
    if (url.username !== "" || url.password !== "") return yield* Result.fail("its URL holds credentials")
    if (url.protocol !== "https:" && !(url.protocol === "http:" && plaintext)) {
      return yield* Result.fail("its URL is not https")
    }
    if (!hosts.has(url.host)) return yield* Result.fail(`its host ${url.host} is not allowed`)
    // The same host by another scheme is another place, where everybody on the way can read.
    if (url.host === base.host && !(url.origin === base.origin && url.pathname.startsWith(from.pathname))) {
      return yield* Result.fail("it leaves the provider's URL")
    }
    for (const [name, value] of yield* fieldsOf(query)) {
      url.searchParams.append(name, exposed(value))
    }
    url.hash = ""
    return url
  })

/** The key as the provider wants it. What a structured field's string can't hold is not sent in another form. */
const keyed = (key: string, form: "quoted" | "bare"): Result.Result<string, string> => {
  if (!/^[\x20-\x7e]+$/.test(key)) return Result.fail("its key is not printable ASCII")
  return Result.succeed(form === "bare" ? key : `"${key.replaceAll(/["\\]/g, "\\$&")}"`)
}

/** The provider's own headers. Elsewhere nobody is shown who is asking. */
const introduction = ({ base, headers }: Provider, url: URL): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([, value]) => url.origin === base.origin || !Redacted.isRedacted(value))
      .map(([name, value]) => [name, exposed(value)])
  )

/** Renders the request for the provider, or says why it can't leave. */
export const render = (request: Request, provider: Provider, call: Call): Result.Result<Rendered, string> =>
  Result.gen(function* () {
    const url = yield* locate(request.path, request.query ?? {}, provider)
    const encoded = request.body === undefined ? undefined : yield* encode(request.body)
    const body = Buffer.from(encoded?.text ?? "", "utf8")
    if (body.length > provider.maxRequestBytes) {
      return yield* Result.fail(`its body has ${body.length} bytes, more than ${provider.maxRequestBytes}`)
    }
    const key = request.method === "GET" ? undefined : provider.key
    const own = normal(request.headers ?? {})
    const misfit = misfitIn(own, [
      "authorization",
      ...(provider.key === undefined ? [] : [provider.key.name])
    ])
    if (misfit !== undefined) {
      return yield* Result.fail(`its header ${JSON.stringify(misfit)} is none that a caller may set`)
    }
    const headers: Record<string, string> = {
      accept: "application/json",
      ...(encoded === undefined ? {} : { "content-type": encoded.type }),
      ...own,
      ...introduction(provider, url),
      ...(key === undefined ? {} : { [key.name]: yield* keyed(call.key, key.form) }),
      host: url.host,
      // What is packed can't be read, and its size is not the one that is bounded.
      "accept-encoding": "identity",
      ...(request.method === "GET" ? {} : { "content-length": String(body.length) })
    }
    return {
      url,
      method: request.method,
      keyed: key !== undefined,
      headers: Redacted.make(headers),
      body,
      secrets: [...provider.secrets, ...secretsIn(encoded?.secrets ?? [])]
    }
  })
