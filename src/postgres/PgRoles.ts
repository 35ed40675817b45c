/**
 * PgRoles: the rights of each kind of role, as a table, and the grants that give them.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer } from "effect"
import { type RoleKind, Roles } from "../kernel/Roles.ts"
import { StartRefused } from "../domain/errors.ts"
import { codeOf, refusalOf, targetOf } from "./Refusal.ts"

/** What can be granted on a table. */
export type TableRight = "SELECT" | "INSERT" | "UPDATE" | "DELETE"

/** What a kind of role needs: rights by table of the schema, and functions that it calls. */
export interface Needs {
  readonly tables: Readonly<Record<string, ReadonlyArray<TableRight>>>
  readonly functions: ReadonlyArray<string>
}

const seal = "seal(double precision, integer)"
const makeMonths = "make_months(integer)"
const purge = "purge_bodies(double precision, xid8, integer)"

const propose = "propose(text, text, text, jsonb, text, timestamp with time zone)"
const writeProposals =
  "write_proposals(text[], text[], text[], text[], integer[], text[], timestamp with time zone[], integer)"

const views = {
  receipts: ["SELECT"],
  doubts: ["SELECT"],
  seals: ["SELECT"],
  outbox: ["SELECT"],
  dead_letters: ["SELECT"]
} as const
const chain = { seal: ["SELECT"], sealing: ["SELECT"] } as const

export const needs: Readonly<Record<RoleKind, Needs>> = {
  runtime: {
    tables: {
      migrations: ["SELECT"],
      ledger_info: ["SELECT"],
      ledger: ["SELECT", "INSERT", "UPDATE"],
      attempt: ["SELECT", "INSERT", "UPDATE"],
      worker: ["SELECT", "INSERT", "UPDATE"],
      entity: ["SELECT", "INSERT", "UPDATE"],
      // Who waits for whom is no record: a place in line is given up by taking its row away.
      ticket: ["SELECT", "INSERT", "UPDATE", "DELETE"],
      waiting: ["SELECT", "INSERT", "UPDATE", "DELETE"],
      // What was delivered is taken away: its receipt is the record.
      proposal: ["SELECT", "UPDATE", "DELETE"],
      outbox_lane: ["SELECT", "INSERT", "UPDATE", "DELETE"],
      operator_cursor: ["SELECT", "INSERT", "UPDATE"],
      receipt_log: ["SELECT", "INSERT"],
      receipt_batch: ["SELECT", "INSERT"],
      ...chain,
      ...views
    },
    functions: [seal, makeMonths, writeProposals]
  },
  proposer: { tables: {}, functions: [propose, writeProposals] },
  sealer: { tables: { migrations: ["SELECT"], ...chain }, functions: [seal, makeMonths] },
  purger: { tables: { migrations: ["SELECT"] }, functions: [purge] },
  reader: { tables: { migrations: ["SELECT"], receipt_log: ["SELECT"], ...chain, ...views }, functions: [] }
}

/** The grants for a role, as they are run. */
const grants = (sql: PgClient.PgClient, kind: RoleKind, role: string) => {
  const { functions, tables } = needs[kind]
  const to = sql(role)
  return [
    sql`GRANT USAGE ON SCHEMA fibric TO ${to}`,
    ...Object.entries(tables).map(
      ([table, rights]) => sql`GRANT ${sql.literal(rights.join(", "))} ON ${sql(`fibric.${table}`)} TO ${to}`
    ),
    ...functions.map(
      (signature) => sql`GRANT EXECUTE ON FUNCTION ${sql.literal(`fibric.${signature}`)} TO ${to}`
    )
  ]
}

// Postgres's code for a name that stands for nothing: everything else that a grant names is fibric's own.
const noSuchRole = "42704"

const unknownRole = (role: string) =>
  new StartRefused({
    problem: "not_permitted",
    sentence: `There is no role "${role}". Nothing was granted; create it (CREATE ROLE … LOGIN) and grant again.`
  })

export const layer: Layer.Layer<Roles, never, PgClient.PgClient> = Layer.effect(
  Roles,
  Effect.map(PgClient.PgClient, (sql) =>
    Roles.of({
      grant: Effect.fn("Roles.grant")((kind, role) => {
        const statements = grants(sql, kind, role)
        return sql.withTransaction(Effect.forEach(statements, (statement) => statement.unprepared)).pipe(
          Effect.as(statements.map((statement) => statement.compile()[0])),
          Effect.mapError((error) =>
            codeOf(error.reason) === noSuchRole ? unknownRole(role) : refusalOf(error, targetOf(sql.config))
          )
        )
      })
    })
  )
)
