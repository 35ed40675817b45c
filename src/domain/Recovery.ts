/**
 * Recovery: what a capability declares for a key in doubt, that is dispatched, perhaps performed, with
 * no outcome recorded.
 *
 * It is stored with each attempt: a declaration that changes later does not change what was promised
 * for an attempt that has been sent. It can take back, though: what is declared as something else than
 * `resend` now is not sent again, because the code that would send it no longer says that the provider gets
 * the key. Durations are kept in milliseconds.
 */
import { Duration, Schema } from "effect"

const Millis = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/** A person decides. Nothing is asked of the provider, and nothing is sent again. */
export const Hold = Schema.TaggedStruct("Hold", { quarantineMillis: Millis })

/** The provider recognises our key for a while: the stored request is sent again under the same key. */
export const Resend = Schema.TaggedStruct("Resend", {
  windowMillis: Millis,
  marginMillis: Millis,
  attempts: Schema.Int,
  backoffMillis: Millis,
  replays: Schema.Boolean,
  quarantineMillis: Millis
})

/** The provider can be asked what became of it. */
export const Lookup = Schema.TaggedStruct("Lookup", {
  lagMillis: Millis,
  quarantineMillis: Millis,
  releaseAfterMillis: Schema.NullOr(Millis),
  everyMillis: Millis
})

/** The effect is SQL in the ledger's own database, and commits together with its settlement. */
export const Transactional = Schema.TaggedStruct("Transactional", { quarantineMillis: Millis })

/** It is a program of several steps, each with a record of its own: it can be run again from the top. */
export const Replay = Schema.TaggedStruct("Replay", { quarantineMillis: Millis })

export type Hold = typeof Hold.Type
export type Resend = typeof Resend.Type
export type Lookup = typeof Lookup.Type
export type Transactional = typeof Transactional.Type
export type Replay = typeof Replay.Type

/** What may be done for a key in doubt. */
export const Recovery = Schema.Union([Hold, Resend, Lookup, Transactional, Replay])
export type Recovery = typeof Recovery.Type

/** How long a call that nobody hears of may still be on its way: a frozen process, a slow network. */
const defaultQuarantine = Duration.toMillis("1 minute")

/** For ever is a hundred years: what is stored is a number. */
const millis = (input: Duration.Input): number =>
  Math.min(Duration.toMillis(input), 100 * 366 * 24 * 3_600_000)

/** A person decides; the honest choice for a provider that can neither dedupe nor be asked. */
export const hold: Hold = { _tag: "Hold", quarantineMillis: defaultQuarantine }

/** What a provider promises that recognises keys. */
export interface ResendOptions {
  /** How long the provider recognises a key, from the first request that it saw. From its documentation. */
  readonly window: Duration.Input
  /**
   * How long before the window's end no resend is claimed any more; one that is claimed starts within
   * this time or never. Default: a tenth of the window, at most 10 minutes. Never less than 10 seconds, or
   * than a tenth of a window that is shorter than 100 seconds.
   */
  readonly margin?: Duration.Input
  /** How often it is sent at most, the first time included. Default: 6. Then a person decides. */
  readonly attempts?: number
  /** How long after a doubt the first resend comes; each further one waits twice as long. Default: 30 seconds. */
  readonly backoff?: Duration.Input
  /**
   * Whether the provider answers a repeated key with its first answer, refusals included. Then a
   * refusal of a resend inside the window speaks for the attempts before it. Default: false.
   */
  readonly replays?: boolean
  /** How long a request may still be on its way. Before that a person's verdict needs force. Default: 1 minute. */
  readonly quarantine?: Duration.Input
}

/**
 * Sends the stored request again, with the same key, while the provider is sure to recognise it. Needs
 * the payload to be stored; the connector makes the same request of the same payload and key.
 */
export const resend = (options: ResendOptions): Resend => {
  const windowMillis = millis(options.window)
  const least = Math.min(windowMillis / 10, Duration.toMillis("10 seconds"))
  return {
    _tag: "Resend",
    windowMillis,
    marginMillis:
      options.margin === undefined
        ? Math.min(windowMillis / 10, Duration.toMillis("10 minutes"))
        : Math.max(millis(options.margin), least),
    attempts: Math.max(1, Math.floor(options.attempts ?? 6)),
    backoffMillis: millis(options.backoff ?? "30 seconds"),
    replays: options.replays ?? false,
    quarantineMillis: millis(options.quarantine ?? defaultQuarantine)
  }
}

/** What a provider promises that can be asked. */
export interface LookupOptions {
  /** How long an effect may take to show up in what the provider answers. From its documentation. */
  readonly lag: Duration.Input
  /** How long a request may still be on its way to the provider. Default: 1 minute. */
  readonly quarantine?: Duration.Input
  /**
   * Where given, finding nothing is enough: a lookup that starts this long after the last attempt's
   * claim, and not before deadline, lag and quarantine have passed, releases the key. Testimony, no proof.
   */
  readonly releaseAfter?: Duration.Input
  /** How long after a doubt the first lookup comes; each further one waits twice as long, up to an hour. Default: 30 seconds. */
  readonly every?: Duration.Input
}

/** Asks the provider. What it finds settles the key; finding nothing proves nothing by itself. */
export const lookup = (options: LookupOptions): Lookup => ({
  _tag: "Lookup",
  lagMillis: millis(options.lag),
  quarantineMillis: millis(options.quarantine ?? defaultQuarantine),
  releaseAfterMillis: options.releaseAfter === undefined ? null : millis(options.releaseAfter),
  everyMillis: millis(options.every ?? "30 seconds")
})

/**
 * The effect is SQL in the ledger's database and commits with its settlement: what did not commit did
 * not happen. There is no doubt about it, so an attempt that died is released by itself.
 */
export const transactional: Transactional = { _tag: "Transactional", quarantineMillis: 0 }

/**
 * The action is a small program: its function performs other actions as its steps, and does nothing else
 * to the world. A run that ended before its end is released as soon as none of its steps is open; run
 * again from the top, it is answered with what its steps have settled and performs what they have not.
 */
export const replay: Replay = { _tag: "Replay", quarantineMillis: 0 }

/** From an attempt's claim to when a verdict on it is no longer too early. */
export const verdictAfterMillis = (recovery: Recovery, deadlineMillis: number): number =>
  deadlineMillis + (recovery._tag === "Lookup" ? recovery.lagMillis : 0) + recovery.quarantineMillis

const longestPauseMillis = Duration.toMillis("1 hour")

/**
 * From the moment of doubt, or of the last look, to the next thing that is done by itself; `null` where
 * only a person does. `times` is how often it was done for this key already.
 */
export const recoverAfterMillis = (recovery: Recovery, times: number): number | null => {
  switch (recovery._tag) {
    case "Hold":
    case "Transactional":
    case "Replay":
      return null
    case "Resend":
      return Math.min(recovery.backoffMillis * 2 ** Math.min(times, 30), recovery.windowMillis)
    case "Lookup":
      return Math.min(
        recovery.everyMillis * 2 ** Math.min(times, 30),
        Math.max(longestPauseMillis, recovery.everyMillis)
      )
  }
}
