/**
 * What the mail server and those who drive it say to each other. Types only; the server owns the mails.
 */

/** Where in a conversation. `data` is the command's own answer, `data-end` the one to the message. */
export type Stage = "greeting" | "ehlo" | "auth" | "mail" | "rcpt" | "data" | "data-end" | "quit"

/** What the server does at a stage instead of the usual. */
export type Behaviour = {
  readonly stage: Stage
  /** At `data-end` only: the mail is kept all the same. Default: it is not. */
  readonly keeps?: boolean
} & (
  | { readonly action: "answer"; readonly code: number; readonly text?: string }
  /** Hangs up without a word. */
  | { readonly action: "drop" }
  /** Never answers. */
  | { readonly action: "silence" }
  /** Writes these very bytes, then nothing more. */
  | { readonly action: "say"; readonly bytes: string }
)

/** A mail that the server took responsibility for. */
export interface StoredMail {
  /** The envelope's recipients: who would really get it. */
  readonly to: ReadonlyArray<string>
  readonly subject: string
  readonly messageId: string
  readonly text: string
  /** The raw header lines. */
  readonly headers: ReadonlyArray<string>
  /** Milliseconds since 1970. */
  readonly receivedAt: number
}
