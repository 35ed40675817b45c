/**
 * What can keep an embedded Postgres from serving, as one error with a code
 * for each different reaction.
 *
 * Nothing here is worth an immediate retry: every code asks a person to change
 * something first, except `in_use`, which passes when the other run ends.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** The codes, each with the reaction it asks for. */
export const EmbeddedPostgresReason = Schema.Literals([
  /** This operating system is not supported: give fibric the url of a Postgres of your own. */
  "platform_unsupported",
  /** The package with the binaries is absent or incomplete: install it, and let its install script run. */
  "binaries_missing",
  /** We are root, and the system has no user that Postgres may run as: add one. */
  "account_missing",
  /** The folder can't hold a cluster of ours: give another one, or its permissions. */
  "directory_unusable",
  /** A folder on the way is closed to the user that Postgres runs as: open it, or give another place. */
  "directory_closed",
  /** A setting that fibric itself has to choose: leave it out. */
  "setting_refused",
  /** Another run that is alive, or a server that fibric did not start, has this folder: wait, or stop it. */
  "in_use",
  /** `initdb` did not finish: its own words are in `detail`. */
  "initdb_failed",
  /** The server ended before it was ready: its own words are in `detail`. */
  "start_failed",
  /** The server was still not ready at the bound: give it longer with `startTimeout`. */
  "start_timed_out",
  /** An orphaned server of a dead run ignored every signal: stop it by hand. */
  "orphan_unstoppable"
])
export type EmbeddedPostgresReason = typeof EmbeddedPostgresReason.Type

/**
 * The cluster did not come up, and nothing of this attempt is left running.
 *
 * `message` says what happened, with the values, and what to do. `detail` holds
 * the last lines that Postgres wrote, empty when it was never started.
 */
export class EmbeddedPostgresError extends Schema.TaggedError<EmbeddedPostgresError>()(
  "EmbeddedPostgresError",
  { reason: EmbeddedPostgresReason, message: Schema.String, detail: Schema.String }
) {}

export const failure = (reason: EmbeddedPostgresReason, message: string, detail = "") =>
  new EmbeddedPostgresError({ reason, message, detail })

/** An unknown failure in words, for the end of a sentence of ours. */
export const wordsOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** A step on the disk without which the cluster's folder is of no use. */
export const onDisk = <A>(what: string, step: () => Promise<A>) =>
  Effect.tryPromise({
    try: step,
    catch: (cause) =>
      failure(
        "directory_unusable",
        `Could not ${what}: ${wordsOf(cause)}. Give the embedded Postgres a folder that this process may write, with room on its disk.`
      )
  })
