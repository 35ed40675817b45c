/**
 * ProposalRow: how a proposal stands in a row of `fibric.proposal`, read back as what was proposed.
 */
import { Schema } from "effect"
import type { Proposal } from "../kernel/Outbox.ts"

/** A proposal's columns, as statements select them: its position and its payload as text. */
export const proposalFields = {
  position: Schema.String,
  capability: Schema.String,
  entity_type: Schema.String,
  entity_id: Schema.String,
  payload: Schema.fromJsonString(Schema.Json),
  decided_at: Schema.NullOr(Schema.Int),
  operator: Schema.String,
  due_at: Schema.DateTimeUtcFromDate
}

const ProposalRow = Schema.Struct(proposalFields)

/** The proposal that a row states, and where it stands. */
export const proposedIn = (row: typeof ProposalRow.Type): Proposal & { readonly position: bigint } => ({
  position: BigInt(row.position),
  capability: row.capability,
  entity: { type: row.entity_type, id: row.entity_id },
  payload: row.payload,
  decidedAt: row.decided_at ?? undefined,
  operator: row.operator,
  dueAt: row.due_at
})
