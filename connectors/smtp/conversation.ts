/**
 * Conversation: one SMTP conversation about one message, on a connection of its own.
 *
 * It ends in an outcome with its evidence. Nothing is tried twice here; the kernel decides about new
 * attempts. The server owns the truth: only its 2xx to the message's end is a success.
 */
import { Clock, Duration, Effect, Exit, Redacted } from "effect"
import type { NotPerformed, OutcomeUnknown } from "fibric"
import SMTPConnection from "nodemailer/lib/smtp-connection"
import type { Relay } from "./config.ts"
import { Handover } from "./Handover.ts"
import type { Letter } from "./Mail.ts"
import {
  afterTheMessage,
  beforeTheMessage,
  codesOf,
  type Ending,
  replyCode,
  type SmtpRefused,
  words
} from "./verdict.ts"

export type Failure = SmtpRefused | NotPerformed | OutcomeUnknown

/** What the server said when it took the message. */
export interface Accepted {
  readonly response: string
}

/** The part of nodemailer's error that is evidence. */
interface WireError {
  readonly message: string
  readonly command?: string | undefined
  readonly response?: string | undefined
}

/** How long a server may take over its goodbye. The outcome is known by then and doesn't wait. */
const goodbyeLimit = Duration.seconds(1)

/**
 * Holds the conversation. The message leaves only within `handOverMillis`; after that it is kept back,
 * with proof. Once it has left, the answer is waited for as long as the relay's `answerTimeout` says:
 * a late answer is still evidence. An interrupt closes the socket.
 */
export const converse = Effect.fnUntraced(function* (
  relay: Relay,
  letter: Letter,
  handOverMillis: number
): Effect.fn.Return<Accepted, Failure> {
  const clock = yield* Clock.Clock
  const lastNanos = clock.monotonicTimeNanosUnsafe() + BigInt(Math.floor(handOverMillis)) * 1_000_000n
  const connection = connectionTo(relay)
  const message = new Handover(letter.bytes, () => {
    if (clock.monotonicTimeNanosUnsafe() >= lastNanos) return "its time was over"
    // Nothing but 354 makes the server read a mail: after a 250 it would take the mail's lines for commands.
    const reply = connection.lastServerResponse || ""
    return replyCode(reply) === 354 ? undefined : `the server answered DATA with "${words(reply)}"`
  })
  // Its destruction is this module's doing or already reported; without a listener it would be fatal.
  message.on("error", () => {})

  const tooLate = Effect.flatMap(Effect.sleep(Duration.millis(handOverMillis)), () =>
    message.withhold()
      ? Effect.fail(
          beforeTheMessage({ what: "its time was over before the server was ready for the message" })
        )
      : Effect.never
  )
  return yield* Effect.raceFirst(speak(connection, relay, letter, message), tooLate).pipe(
    Effect.onExit((exit) =>
      Exit.isSuccess(exit)
        ? // In nobody's scope: started at once and over within its limit, so it always closes.
          Effect.asVoid(Effect.forkDetach(sayGoodbye(connection), { startImmediately: true }))
        : Effect.sync(() => {
            message.withhold()
            connection.close()
          })
    )
  )
})

/** Nothing is opened before it is spoken on. */
const connectionTo = (relay: Relay): SMTPConnection => {
  const connectMillis = Duration.toMillis(relay.connectTimeout)
  const connection = new SMTPConnection({
    host: relay.host,
    port: relay.port,
    secure: relay.encryption === "tls",
    requireTLS: relay.encryption === "starttls",
    ignoreTLS: relay.encryption === "none",
    // Covers the look-up, the connection, the greeting and the handshake together.
    connectionTimeout: connectMillis,
    greetingTimeout: connectMillis,
    socketTimeout: Duration.toMillis(relay.answerTimeout),
    // Closing destroys the socket: nothing that is still buffered may leave afterwards.
    socketCloseTimeout: 0,
    tls: {
      // Stated, so that no environment variable switches it off.
      rejectUnauthorized: true,
      minVersion: "TLSv1.2",
      ...(relay.ca === undefined ? {} : { ca: relay.ca })
    }
  })
  // A connection may report an error after its outcome is known; without a listener it would be fatal.
  connection.on("error", () => {})
  return connection
}

/** Speaks until the first outcome; whatever comes later finds it settled. */
const speak = (connection: SMTPConnection, relay: Relay, letter: Letter, message: Handover) =>
  Effect.callback<Accepted, Failure>((resume) => {
    const end = (ending: Ending) => {
      // From here on nothing may leave, so that the verdict stays true.
      const kept = message.withhold()
      resume(Effect.fail(kept ? beforeTheMessage(ending) : afterTheMessage(ending, letter.messageId)))
    }
    let loggingIn = false
    const fail = (error: WireError) => {
      // nodemailer says `false` where no reply belongs to the error.
      const reply = error.response || undefined
      const tellable = reply !== undefined && loggingIn ? codesOf(reply) : reply
      end({ what: error.message, command: error.command, reply: tellable })
    }
    const accept = (response: string) => {
      const code = replyCode(response)
      if (message.left && code !== undefined && code < 300)
        return resume(Effect.succeed({ response: words(response) }))
      const what = message.left
        ? `the server answered the message with "${words(response)}"`
        : "the server answered the message before it had any of it"
      end({ what })
    }
    const send = () =>
      connection.send(
        { from: letter.from, to: [letter.to], size: letter.bytes.length },
        message,
        (error, info) => (error ? fail(error) : accept(info.response))
      )
    connection.on("error", fail)
    // nodemailer may close first and then say which reply made it do so.
    connection.once("end", () => setImmediate(() => end({ what: "the connection was closed" })))
    connection.connect((error) => {
      if (error) return fail(error)
      if (relay.credentials === undefined) return send()
      const { user, password } = relay.credentials
      loggingIn = true
      connection.login({ user, pass: Redacted.value(password) }, (refusal) => {
        if (refusal) return fail(refusal)
        loggingIn = false
        send()
      })
    })
  })

/** `QUIT`, so that the server's log ends well. The message is the server's by now, whatever follows. */
const sayGoodbye = (connection: SMTPConnection) =>
  Effect.callback<void>((resume) => {
    connection.once("end", () => resume(Effect.void))
    connection.quit()
  }).pipe(
    Effect.timeoutOrElse({ duration: goodbyeLimit, orElse: () => Effect.void }),
    Effect.ensuring(Effect.sync(() => connection.close()))
  )
