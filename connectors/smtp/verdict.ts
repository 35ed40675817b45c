/**
 * Verdict: what the end of a conversation proves about the mail.
 *
 * Two facts decide: whether any byte of the message had left, and whether the server answered about
 * this message in so many words. Where they don't suffice the outcome is unknown; it is never called
 * better than the facts.
 */
import { Schema } from "effect"
import { NotPerformed, OutcomeUnknown } from "fibric"

/** The server's definite no to this message: settled, and replayed to whoever asks again. */
export class SmtpRefused extends Schema.TaggedError<SmtpRefused>()("SmtpRefused", {
  /** The reply code, from 500 to 599. */
  code: Schema.Int,
  /** The server's own words, without control characters, at most 500 characters. */
  reason: Schema.String
}) {
  override get message() {
    return `The mail server refused the message (${this.code}): ${this.reason}`
  }
}

/** How a conversation ended without an acceptance. */
export interface Ending {
  readonly what: string
  /** The command that the reply belongs to, as nodemailer names it; absent where none was answered. */
  readonly command?: string | undefined
  /** The server's reply, where the conversation ended with one. */
  readonly reply?: string | undefined
}

/** What the reply to `MAIL`, `RCPT` or `DATA` says, it says about this message. */
const aboutTheMessage: ReadonlySet<string> = new Set(["MAIL FROM", "RCPT TO", "DATA"])

/** Codes that want a login or a better one (RFC 4954), so they say nothing about the message. */
const aboutTheLogin: ReadonlySet<number> = new Set([530, 534, 535, 538])

/**
 * The code of a well-formed reply: every line starts with the same three digits, in the ranges that
 * SMTP defines. Anything else is no answer.
 */
export const replyCode = (reply: string): number | undefined => {
  const codes = reply.split(/\r?\n/).map((line) => /^([2-5][0-5]\d)(?:[ -]|$)/.exec(line)?.[1])
  const first = codes[0]
  return first !== undefined && codes.every((code) => code === first) ? Number(first) : undefined
}

/**
 * What may be told of the login's reply: its codes. A server may repeat what it does not take, whole or in
 * part, and the password is in it.
 */
export const codesOf = (reply: string): string => {
  const [codes = ""] = /^\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3}(?!\S))?/.exec(reply) ?? []
  return replyCode(reply) === undefined ? "the login was answered with nonsense" : codes.replace("-", " ")
}

/** At most 500 characters without control characters: it is stored, shown and logged. */
export const words = (text: string): string =>
  text
    .replaceAll(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, 500)
    .toWellFormed()

const said = ({ what, reply }: Ending): string => words(reply === undefined ? what : reply)

// The code has a field of its own; the reason is the words beside it, on every line.
const refused = (code: number, { reply = "" }: Ending) =>
  new SmtpRefused({ code, reason: words(reply.replaceAll(/^\d{3}[ -]?/gm, "")) })

/** The message had not left: nothing can have been accepted, whatever happened. */
export const beforeTheMessage = (ending: Ending): SmtpRefused | NotPerformed => {
  const code = ending.reply === undefined ? undefined : replyCode(ending.reply)
  if (code === undefined || code < 400) return new NotPerformed({ proof: "never_sent", reason: said(ending) })
  const definite = code >= 500 && aboutTheMessage.has(ending.command ?? "") && !aboutTheLogin.has(code)
  return definite
    ? refused(code, ending)
    : new NotPerformed({ proof: "provider_denies", reason: said(ending) })
}

/**
 * How a server speaks of what broke behind it, anywhere in a reply: of a connection (4.4.x, 5.4.1 and
 * 5.4.2), as Postfix of its filter (4.3.0), as Exchange of its back end (PRX and a number). It may not
 * know what was done there. The numbers of an address or a version are no codes.
 */
const brokeBehind = /(?<![\d.])(?:4\.4\.\d{1,3}|5\.4\.[12]|4\.3\.0)(?!\.?\d)|\bPRX\d/

/**
 * The message had left, at least in part. Only a reply in the message's own place counts. A 4xx or 5xx
 * there says that the server did not take the message, unless it speaks of what broke: 421 or `brokeBehind`.
 */
export const afterTheMessage = (
  ending: Ending,
  messageId: string
): SmtpRefused | NotPerformed | OutcomeUnknown => {
  const reply = ending.command === "DATA" ? (ending.reply ?? "") : ""
  const code = replyCode(reply)
  if (code === undefined || code < 400 || code === 421 || brokeBehind.test(reply)) {
    return new OutcomeUnknown({
      reason: `the message had begun to leave when the conversation ended (${said(ending)}); look for the Message-ID ${messageId}`
    })
  }
  return code >= 500
    ? refused(code, ending)
    : new NotPerformed({ proof: "provider_denies", reason: said(ending) })
}
