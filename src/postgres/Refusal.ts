/**
 * Refusal: why there is no database to work on, in one sentence for the person who starts fibric.
 *
 * What Postgres or the socket said is repeated, what opens the door never is.
 */
import type { PgClient } from "@effect/sql-pg"
import { Predicate, Redacted } from "effect"
import type { SqlError } from "effect/sql"
import { StartRefused } from "../domain/errors.ts"

/** Where the database is, without what opens it. A field of the client overrides its URL. */
export const targetOf = (config: PgClient.PgClientConfig): string => {
  const url = config.url === undefined ? null : URL.parse(Redacted.value(config.url))
  if (url === null && config.url !== undefined) return "the given URL"
  const host = config.path ?? config.host ?? decoded(url?.hostname ?? "")
  const port = config.port ?? (url === null || url.port === "" ? 5432 : url.port)
  const database = config.database ?? decoded(url?.pathname.slice(1) ?? "")
  return `${host === "" ? "localhost" : host}:${port}/${database === "" ? (config.username ?? "") : database}`
}

/** A part of a URL as a person reads it; one that can't be decoded as it stands, for the driver to refuse. */
const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Says in one sentence why there is no database, and what to do. */
export const refusalOf = (error: SqlError.SqlError, target: string): StartRefused => {
  const { reason } = error
  const detail = detailOf(reason)
  if (reason._tag === "AuthenticationError") {
    return new StartRefused({
      problem: "authentication",
      sentence: `Postgres at ${target} did not accept the user or the password (${detail}). Nothing was performed; mend DATABASE_URL or the client's configuration.`
    })
  }
  const code = codeOf(reason)
  if (code === readOnlyTransaction) {
    return new StartRefused({
      problem: "not_permitted",
      sentence: `Postgres at ${target} takes no writes (${detail}). Nothing was performed; point fibric at the primary, or let its role write.`
    })
  }
  if (reason._tag === "AuthorizationError") {
    return new StartRefused({
      problem: "not_permitted",
      sentence: `Postgres at ${target} does not let this role do what the ledger needs (${detail}). Nothing was performed; grant the role CREATE on the database, or let its owner migrate first.`
    })
  }
  const remedy = code === noSuchDatabase ? "create the database" : "start it"
  return new StartRefused({
    problem: "unreachable",
    sentence: `Postgres at ${target} can't be used (${detail}). Nothing was performed; ${remedy}, or mend DATABASE_URL or the client's configuration.`
  })
}

// The driver keeps them on the cause.
const noSuchDatabase = "3D000"
const readOnlyTransaction = "25006"

/** Postgres's own code, where it was Postgres that said no. */
export const codeOf = ({ cause }: SqlError.SqlErrorReason): string | undefined =>
  Predicate.hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : undefined

/** The driver's own message says little; its cause has what the server or the socket said. */
export const detailOf = (reason: SqlError.SqlErrorReason): string => {
  const { cause } = reason
  return cause instanceof Error && cause.message !== "" ? cause.message : (reason.message ?? reason._tag)
}

/** Two changed one row of the catalog at once: Postgres has no code for it but its general one. */
export const isCatalogRace = (reason: SqlError.SqlErrorReason): boolean =>
  /^tuple concurrently (?:updated|deleted)/.test(detailOf(reason))
