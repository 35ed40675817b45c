/**
 * ServerIdentity: whether this server is still the one that the ledger was written on.
 *
 * After a failover or a restore, rows that were committed may be missing, and a key that is missing can
 * be performed again. Postgres tells the two apart from a restart by its system identifier and its
 * timeline; the ledger keeps both, and a person says by name that it may go on elsewhere. They are
 * compared at start: a failover under a running fibric is found at the next one, and a copy of the disk
 * that is started in its stead has the same identity and is not found.
 */
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { StartRefused } from "../domain/errors.ts"
import { storable } from "../domain/Text.ts"
import { codeOf, detailOf, refusalOf } from "./Refusal.ts"

/**
 * Refuses a server that is not the one that the ledger was last started on: another system identifier
 * (a restored dump, an upgrade by pg_upgrade, another server), or another timeline (a failover, a
 * restored backup). The first start writes down which server it is.
 *
 * Where the role may not ask, or the service in front has no answer, fibric warns and starts: no grant
 * would help on a managed Postgres, and what is given up is the detection of a loss that the promise
 * excludes by name, not the promise.
 */
export const checkIdentity = Effect.fnUntraced(function* (target: string) {
  const identity = yield* Effect.result(readIdentity)
  if (identity._tag === "Failure") {
    if (!maySkip(identity.failure)) return yield* refusalOf(identity.failure, target)
    return yield* Effect.logWarning(
      `Postgres at ${target} does not say which server it is (${detailOf(identity.failure.reason)}): a failover or a restored backup will not be noticed at start.`
    )
  }
  const { recorded_system, recorded_timeline, system, timeline } = identity.success
  if (recorded_system === null || recorded_timeline === null) return yield* recordFirst(target)
  if (recorded_system !== system) {
    return yield* new StartRefused({
      problem: "system_changed",
      sentence: `Postgres at ${target} is not the cluster that this ledger was written on (system identifier ${system}, recorded ${recorded_system}): it is a restored dump, an upgraded cluster or another server, and ${whatToDo}`
    })
  }
  if (recorded_timeline !== timeline) {
    return yield* new StartRefused({
      problem: "timeline_changed",
      sentence: `Postgres at ${target} is on another timeline than this ledger was written on (${timeline}, recorded ${recorded_timeline}): there was a failover or a backup was restored, and ${whatToDo}`
    })
  }
})

const whatToDo =
  "what was committed last may be missing, so that a key could be performed again. Nothing was performed; find out what is missing, then say so by name: fibric ledger acknowledge --by <name> --reason <why>."

/** The first eight digits of a write-ahead log file's name are its timeline, also right after a promotion. */
const currentIdentity = `(pg_control_system()).system_identifier::text AS system,
  left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline`

interface Identity {
  readonly system: string
  readonly timeline: string
}

interface RecordedIdentity {
  readonly recorded_system: string | null
  readonly recorded_timeline: string | null
}

const readIdentity = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [identity] = yield* sql<Identity & RecordedIdentity>`
    SELECT ${sql.literal(currentIdentity)}, info.system_identifier AS recorded_system,
      info.timeline AS recorded_timeline
    FROM fibric.ledger_info AS info`
  return identity === undefined ? yield* Effect.die("Bug: fibric.ledger_info is empty") : identity
})

const featureNotSupported = "0A000"
const noSuchFunction = "42883"

const maySkip = ({ reason }: SqlError.SqlError): boolean =>
  reason._tag === "AuthorizationError" ||
  codeOf(reason) === featureNotSupported ||
  codeOf(reason) === noSuchFunction

/** Several first starts at once write the same; a role that may only read leaves it to one that may write. */
const recordFirst = Effect.fnUntraced(
  function* (_target: string) {
    const sql = yield* SqlClient.SqlClient
    yield* sql`
      UPDATE fibric.ledger_info AS info
      SET system_identifier = identity.system, timeline = identity.timeline
      FROM (SELECT ${sql.literal(currentIdentity)}) AS identity
      WHERE info.system_identifier IS NULL OR info.timeline IS NULL`
  },
  (recorded, target) =>
    Effect.catch(recorded, (error) =>
      maySkip(error)
        ? Effect.logWarning(
            `This role may not write down which server Postgres at ${target} is (${detailOf(error.reason)}): a failover or a restored backup will not be noticed until a role that may has started fibric once.`
          )
        : Effect.fail(refusalOf(error, target))
    )
)

/** What an acknowledgement changed: the server as it was recorded, and as it is now. */
export interface Acknowledged {
  readonly before: { readonly system: string | null; readonly timeline: string | null }
  readonly now: Identity
}

/**
 * Records, in somebody's name, that the server is now another one and that the ledger goes on there.
 * The next start no longer refuses it. What was lost in between stays lost: whoever says this has
 * looked, or takes the risk. Who said it and why is kept in `fibric.acknowledgement`, and logged as a
 * warning.
 */
export const acknowledge = Effect.fn("ServerIdentity.acknowledge")(function* (
  sql: SqlClient.SqlClient,
  { operator, reason }: { readonly operator: string; readonly reason: string }
) {
  const [changed] = yield* sql<Identity & RecordedIdentity>`
    WITH before AS (SELECT * FROM fibric.ledger_info FOR UPDATE),
    changed AS (
      UPDATE fibric.ledger_info AS info
      SET system_identifier = identity.system, timeline = identity.timeline
      FROM before, (SELECT ${sql.literal(currentIdentity)}) AS identity
      WHERE info.only_row = before.only_row
      RETURNING identity.system, identity.timeline, before.system_identifier AS recorded_system,
        before.timeline AS recorded_timeline
    ), kept AS (
      INSERT INTO fibric.acknowledgement (operator, reason, before_system, before_timeline, system, timeline)
      SELECT ${operator}::text, ${storable(reason)}::text, recorded_system, recorded_timeline, system, timeline
      FROM changed
    )
    SELECT * FROM changed`
  if (changed === undefined) return yield* Effect.die("Bug: fibric.ledger_info is empty")
  const { recorded_system, recorded_timeline, system, timeline } = changed
  yield* Effect.logWarning(
    `The ledger goes on at system ${system}, timeline ${timeline} (before: ${recorded_system}, ${recorded_timeline}).`
  ).pipe(Effect.annotateLogs({ operator, reason }))
  return {
    before: { system: recorded_system, timeline: recorded_timeline },
    now: { system, timeline }
  } satisfies Acknowledged
})
