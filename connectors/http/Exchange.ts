/**
 * Exchange: one request and its answer, on a connection of its own.
 *
 * The evidence rests on the order of two steps. First the connection is made: looked up, judged,
 * connected, and secured. No byte of the request exists for it yet, so whatever goes wrong there proves
 * that nothing was sent. Then the request is handed to the connected socket, once, and from there on only
 * a whole answer tells anything. There is no pool: a connection that somebody used before may be half
 * closed, and a failure on it proves nothing.
 */
import { type IncomingMessage, request as httpRequest } from "node:http"
import { connect as connectPlain, type LookupFunction, type Socket } from "node:net"
import { connect as connectSecure } from "node:tls"
import { Clock, Duration, Effect, Redacted, type Scope } from "effect"
import { type Call, NotPerformed, OutcomeUnknown } from "fibric"
import { pin, type Pinned } from "./Address.ts"
import { type Received, words } from "./Answer.ts"
import type { Provider } from "./config.ts"
import type { Rendered } from "./Request.ts"

/** The rest of the deadline is left for the outcome to be settled in. */
const sendShare = 0.9

/** No answer's headers are longer; they prove nothing then. */
const maxHeaderBytes = 16_384

/** Nothing has left. */
export const neverSent = (reason: string): NotPerformed =>
  new NotPerformed({ proof: "never_sent", reason: words(reason) })

const lost = (what: string) =>
  new OutcomeUnknown({ reason: words(`the request had begun to leave when ${what}`) })

/**
 * Sends the request once. It leaves within nine tenths of the call's deadline or never; once it has left,
 * its answer is waited for as long as `answerTimeout` says, past the deadline too: a late answer is still
 * evidence. An interrupt destroys the socket.
 */
export const exchange = (
  request: Rendered,
  provider: Provider,
  call: Call
): Effect.Effect<Received, NotPerformed | OutcomeUnknown> =>
  Effect.scoped(
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const sendMillis = Math.max(0, Math.floor(call.deadlineMillis * sendShare))
      const lastNanos = clock.monotonicTimeNanosUnsafe() + BigInt(sendMillis) * 1_000_000n
      const limit = Duration.min(Duration.millis(sendMillis), provider.connectTimeout)
      const socket = yield* Effect.timeoutOrElse(connection(request.url, provider), {
        duration: limit,
        orElse: () => Effect.fail(neverSent("its time was over before there was a connection"))
      })
      return yield* converse(socket, request, provider, () => clock.monotonicTimeNanosUnsafe() < lastNanos)
    })
  )

/** A connection that is ready and has said nothing: to a judged address, secured where the URL says so. */
const connection = Effect.fnUntraced(function* (
  url: URL,
  { ca, mayConnect }: Provider
): Effect.fn.Return<Socket, NotPerformed, Scope.Scope> {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1")
  const addresses = yield* Effect.mapError(pin(host, mayConnect), ({ message }) => neverSent(message))
  const secure = url.protocol === "https:"
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => open(host, Number(url.port || (secure ? 443 : 80)), addresses, secure, ca)),
    (socket) => Effect.sync(() => socket.destroy())
  )
  yield* ready(socket, secure ? "secureConnect" : "connect")
  // A peer that has hung up by now is noticed in a turn of the event loop, while that still proves something.
  yield* turn
  if (socket.destroyed || socket.readableEnded) {
    return yield* neverSent("the connection was closed before the request left")
  }
  // What is said before the request can't be the answer to it.
  if (socket.readableLength > 0) return yield* neverSent("the server spoke before it was asked")
  return socket
})

const open = (
  host: string,
  port: number,
  addresses: ReadonlyArray<Pinned>,
  secure: boolean,
  ca: string | undefined
): Socket => {
  // Whatever the name is by now, the connection goes to an address that was judged.
  const lookup: LookupFunction = (_host, { all }, callback) => {
    const [first] = addresses
    if (all || first === undefined) callback(null, [...addresses])
    else callback(null, first.address, first.family)
  }
  const to = { host, port, lookup, autoSelectFamily: true, noDelay: true }
  const socket = secure
    ? connectSecure({
        ...to,
        // Stated, so that no environment variable switches it off.
        rejectUnauthorized: true,
        minVersion: "TLSv1.2",
        ALPNProtocols: ["http/1.1"],
        ...(ca === undefined ? {} : { ca })
      })
    : connectPlain(to)
  // It may report an error after its outcome is known; without a listener that would be fatal.
  socket.on("error", () => {})
  return socket
}

const ready = (socket: Socket, event: "connect" | "secureConnect") =>
  Effect.callback<void, NotPerformed>((resume) => {
    socket.once(event, () => resume(Effect.void))
    socket.once("error", (error) => resume(Effect.fail(neverSent(sentenceOf(error)))))
    socket.once("close", () =>
      resume(Effect.fail(neverSent("the connection was closed before it was ready")))
    )
  })

/** Two passes of the event loop: in between it reads what has arrived. */
const turn = Effect.callback<void>((resume) => {
  setImmediate(() => setImmediate(() => resume(Effect.void)))
})

/**
 * Hands the request to the socket and reads the answer. `mayLeave` is asked once, right before. The first
 * end counts; what comes later finds it settled.
 */
const converse = (
  socket: Socket,
  request: Rendered,
  { answerTimeout, maxAnswerBytes }: Provider,
  mayLeave: () => boolean
) =>
  Effect.callback<Received, NotPerformed | OutcomeUnknown>((resume) => {
    if (!mayLeave()) return resume(Effect.fail(neverSent("its time was over before it could leave")))
    const fail = (what: string) => resume(Effect.fail(lost(what)))
    const outgoing = httpRequest({
      createConnection: () => socket,
      method: request.method,
      path: `${request.url.pathname}${request.url.search}`,
      headers: Redacted.value(request.headers),
      maxHeaderSize: maxHeaderBytes,
      // Stated, so that no environment variable lets an answer say two lengths.
      insecureHTTPParser: false
    })
    outgoing.on("error", (error) => fail(`the exchange broke off (${sentenceOf(error)})`))
    outgoing.once("close", () => fail("the connection was closed"))
    outgoing.once("response", (answer) => {
      const chunks: Array<Buffer> = []
      let bytes = 0
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes <= maxAnswerBytes) return void chunks.push(chunk)
        fail(`the answer ${answer.statusCode} was longer than ${maxAnswerBytes} bytes`)
        socket.destroy()
      })
      answer.on("error", (error) => fail(`the answer broke off (${sentenceOf(error)})`))
      answer.once("end", () => {
        const status = answer.statusCode ?? 0
        if (!isWhole(answer)) return fail(`the answer ${status} ended with the connection`)
        const received = Effect.succeed({ status, headers: headersOf(answer), body: Buffer.concat(chunks) })
        // A no may come early. A yes counts once all of the request has left, which may be noticed later.
        if (status >= 400 || outgoing.writableFinished) resume(received)
        else outgoing.once("finish", () => resume(received))
      })
    })
    outgoing.end(request.body)
  }).pipe(
    Effect.timeoutOrElse({
      duration: answerTimeout,
      orElse: () => Effect.fail(lost("no whole answer came in time"))
    })
  )

/** An answer that does not say how long it is looks the same when it is cut. */
const isWhole = ({ complete, headers, statusCode }: IncomingMessage): boolean =>
  complete &&
  (statusCode === 204 ||
    statusCode === 304 ||
    headers["content-length"] !== undefined ||
    /(?:^|,)\s*chunked$/i.test(headers["transfer-encoding"] ?? ""))

const headersOf = ({ headers }: IncomingMessage): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? "")
    ])
  )

/** Node's codes are better known than its sentences, and one error of several addresses has only a code. */
const sentenceOf = (error: Error & { readonly code?: string }): string =>
  error.code === undefined || error.message.includes(error.code)
    ? error.message
    : `${error.code} ${error.message}`.trim()
