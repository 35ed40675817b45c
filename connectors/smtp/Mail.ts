/**
 * Mail: one message for one recipient, and the bytes that stand for it.
 *
 * One recipient, because an action is one intended change: a list that a server takes in part has no
 * single outcome. The caller owns the words; the key owns the Message-ID.
 */
import { createHash } from "node:crypto"
import { Clock, Effect, Schema } from "effect"
import { NotPerformed } from "fibric"
import MailComposer from "nodemailer/lib/mail-composer"

/** At most 64 characters before the `@` and 254 in all, which is what SMTP can carry. */
const addressPattern =
  /^(?=.{1,254}$)(?=[^@]{1,64}@)[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/

/**
 * One address, `ada@example.com`: ASCII, without a display name, quotes, comments or spaces. An
 * international domain is written in its `xn--` form. Nothing that fits can start a second SMTP
 * command or header.
 */
export const EmailAddress = Schema.String.check(
  Schema.isPattern(addressPattern, {
    identifier: "EmailAddress",
    description: "one email address, such as ada@example.com",
    message: "Expected one email address, such as ada@example.com"
  })
)
export type EmailAddress = typeof EmailAddress.Type

const ControlFree = Schema.String.check(
  Schema.isPattern(/^[^\p{Cc}]*$/u, { message: "Expected a text without control characters" }),
  Schema.isMaxLength(200)
)

/** An address, or one with the name that people see. */
export const Mailbox = Schema.Union([
  EmailAddress,
  Schema.Struct({ name: ControlFree, address: EmailAddress })
])
export type Mailbox = typeof Mailbox.Type

/** Headers that say who, what, when or how it is encoded belong to the message, not to its caller. */
const ownedHeaders =
  /^(?:from|sender|reply-to|to|cc|bcc|subject|date|message-id|mime-version|content-.*|received|return-path|dkim-.*|resent-.*)$/i

/** A check of the whole record: a key schema would drop a name that doesn't fit without a word. */
const Headers = Schema.Record(Schema.String, ControlFree).check(
  Schema.makeFilter((headers: { readonly [name: string]: string }) => {
    const name = Object.keys(headers).find(
      (name) => !/^[A-Za-z0-9-]{1,64}$/.test(name) || ownedHeaders.test(name)
    )
    return name === undefined || `The header ${JSON.stringify(name)} is none that a caller may set`
  })
)

/** One message for one recipient. */
export const Mail = Schema.Struct({
  /** Default: the configured sender. */
  from: Schema.optionalKey(Mailbox),
  to: EmailAddress,
  /** One line; a line break in it becomes a space. */
  subject: Schema.String.check(Schema.isMaxLength(998)),
  text: Schema.String,
  html: Schema.optionalKey(Schema.String),
  /** Further headers, such as `List-Unsubscribe`. Those that the connector sets itself are refused. */
  headers: Schema.optionalKey(Headers)
})
export type Mail = typeof Mail.Type

/** A message ready to leave: its envelope, its id and its bytes. */
export interface Letter {
  readonly from: string
  readonly to: string
  readonly messageId: string
  readonly bytes: Uint8Array
}

const addressOf = (mailbox: Mailbox): string => (typeof mailbox === "string" ? mailbox : mailbox.address)

/**
 * The Message-ID for a key: the same for every dispatch of one intended change, so a person can look
 * for it, and a mailbox that merges equal ids shows one mail. The key is hashed: it may hold anything,
 * and a recipient reads this header.
 */
export const messageIdFor = (key: string, from: Mailbox): string => {
  const digest = createHash("sha256")
    .update(JSON.stringify(["fibric/smtp/message-id/1", key]))
    .digest("hex")
  const address = addressOf(from)
  return `<${digest.slice(0, 40)}.fibric@${address.slice(address.lastIndexOf("@") + 1)}>`
}

/** The proof that there is no message to send. */
export const unfit = (what: string): NotPerformed =>
  new NotPerformed({ proof: "never_sent", reason: `the mail can't be sent as it is: ${what}` })

/** Renders the message. It reads no file and no URL, whatever the payload holds. */
export const compose = Effect.fnUntraced(function* (mail: Mail, sender: Mailbox, key: string) {
  const nowMillis = yield* Clock.currentTimeMillis
  const from = mail.from ?? sender
  const messageId = messageIdFor(key, from)
  const render = () =>
    new MailComposer({
      from: typeof from === "string" ? { name: "", address: from } : from,
      to: { name: "", address: mail.to },
      subject: mail.subject,
      text: mail.text,
      ...(mail.html === undefined ? {} : { html: mail.html }),
      headers: { ...mail.headers },
      messageId,
      date: new Date(nowMillis),
      disableFileAccess: true,
      disableUrlAccess: true
    })
      .compile()
      .build()
  const bytes = yield* Effect.tryPromise({ try: render, catch: (error) => unfit(String(error)) })
  return { from: addressOf(from), to: mail.to, messageId, bytes } satisfies Letter
})
