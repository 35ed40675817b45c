/**
 * ServerChecks: whether this server keeps what is committed to it, and lets the ledger's role commit.
 *
 * The promise rests on rows that stay. A server that may forget them in a crash is refused until the
 * settings say by name that the risk is known, and one that only follows another is refused always.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { StartRefused } from "../domain/errors.ts"
import type { DurabilityRisk } from "../kernel/Settings.ts"
import { needs } from "./PgRoles.ts"
import { refusalOf } from "./Refusal.ts"

/**
 * The risks that are there and were accepted, in a fixed order; refuses one that was not, and a server
 * in recovery. Asked on a connection that has the settings of the ledger's own. One statement.
 *
 * `local` and `remote_write` are as good as `on`: each waits until the commit is on the primary's own
 * disk, and what a standby has is no promise of fibric's.
 */
export const checkDurability = Effect.fnUntraced(function* (
  target: string,
  accepted: ReadonlyArray<DurabilityRisk>
) {
  const sql = yield* SqlClient.SqlClient
  const [server] = yield* sql<Record<Setting, string> & { readonly in_recovery: boolean }>`
    SELECT pg_is_in_recovery() AS in_recovery, current_setting('fsync') AS fsync,
      current_setting('full_page_writes') AS full_page_writes,
      current_setting('synchronous_commit') AS synchronous_commit`.pipe(
    Effect.mapError((error) => refusalOf(error, target))
  )
  if (server === undefined) return yield* Effect.die("Bug: a SELECT without FROM gave no row")
  if (server.in_recovery) {
    return yield* new StartRefused({
      problem: "in_recovery",
      sentence: `Postgres at ${target} is in recovery: a standby, or a backup that is being restored, takes no claims. Nothing was performed; point fibric at the primary, or wait for the end of the recovery.`
    })
  }
  const present = settings.filter((setting) => server[setting] === "off")
  for (const setting of present) {
    if (!accepted.includes(riskOf(setting))) return yield* riskRefused(setting, target)
  }
  for (const setting of present) {
    yield* Effect.logWarning(
      `Postgres at ${target} runs with ${setting}=off, which the settings accept: ${dangers[setting]}. Every receipt names it.`
    )
  }
  return present.map(riskOf)
})

/** Read by whoever reads receipts, and needed for no effect. */
const spared: ReadonlySet<string> = new Set([
  "migrations",
  "seal",
  "sealing",
  "receipts",
  "doubts",
  "seals",
  "outbox",
  "dead_letters"
])

const settings = ["fsync", "full_page_writes", "synchronous_commit"] as const
type Setting = (typeof settings)[number]

const riskOf = (setting: Setting): DurabilityRisk => `${setting}=off`

const dangers: Readonly<Record<Setting, string>> = {
  fsync: "a crash of its machine can lose or tear what was committed",
  full_page_writes: "a crash of its machine can tear pages that hold committed rows",
  synchronous_commit: "a crash can lose the last commits"
}

const remedies: Readonly<Record<Setting, string>> = {
  fsync: "set fsync = on in its configuration",
  full_page_writes: "set full_page_writes = on in its configuration",
  synchronous_commit:
    "let the ledger's connections set synchronous_commit, which something between here and the server does not"
}

const riskRefused = (setting: Setting, target: string): StartRefused =>
  new StartRefused({
    problem: `${setting}_off`,
    sentence: `Postgres at ${target} runs with ${setting}=off: ${dangers[setting]}, and a key whose claim is lost is performed again. Nothing was performed; ${remedies[setting]}, or accept it by name with acceptedRisks: ["${riskOf(setting)}"] in the settings, and every receipt says so.`
  })

/** What the runtime can't do without. What it only may do, it leaves to others where it may not. */
const neededRights = Object.entries(needs.runtime.tables)
  .filter(([table]) => !spared.has(table))
  .flatMap(([table, rights]) => rights.map((right) => [`fibric.${table}`, right] as const))

/**
 * Refuses a role that lacks a right which the ledger will need: a new version's tables are new to the
 * grants too, and found missing only when an outcome is recorded, every effect would end in doubt.
 */
export const checkRights = Effect.fnUntraced(function* (target: string) {
  const sql = yield* SqlClient.SqlClient
  const lacking = yield* sql<{ readonly needed: string }>`
    SELECT wanted.right || ' on ' || wanted.table AS needed
    FROM unnest(
      ${neededRights.map(([table]) => table)}::text[], ${neededRights.map(([, right]) => right)}::text[]
    ) AS wanted ("table", "right")
    WHERE NOT has_table_privilege(wanted.table, wanted.right)`.pipe(
    Effect.mapError((error) => refusalOf(error, target))
  )
  if (lacking.length === 0) return
  return yield* new StartRefused({
    problem: "not_permitted",
    sentence: `Postgres at ${target} does not let this role do what the ledger needs. Nothing was performed; grant it ${lacking.map(({ needed }) => needed).join(", ")}.`
  })
})

/**
 * Refuses a server whose transactions are numbered below those that wrote the receipts, as one into which a
 * dump was restored: what it writes would stand among receipts that were sealed and read long ago.
 */
export const checkTransactions = Effect.fnUntraced(function* (target: string) {
  const sql = yield* SqlClient.SqlClient
  const ahead = yield* sql<{ readonly newest: string; readonly next: string }>`
    SELECT transaction::text AS newest, pg_snapshot_xmax(pg_current_snapshot())::text AS next FROM fibric.receipt_log
    WHERE transaction >= pg_snapshot_xmax(pg_current_snapshot())
    ORDER BY fibric.receipt_log.transaction DESC LIMIT 1`.pipe(
    Effect.mapError((error) => refusalOf(error, target))
  )
  const [row] = ahead
  if (row === undefined) return
  return yield* new StartRefused({
    problem: "transactions_behind",
    sentence: `Postgres at ${target} is at transaction ${row.next}, and receipts in it were written by transactions up to ${row.newest}: a dump was restored into another cluster. New receipts would stand among those that are sealed. Nothing was performed; stop that server and let it go on above, with pg_resetwal --next-transaction-id and --epoch, or restore a physical backup.`
  })
})
