/**
 * Roles: who may do what with the ledger's tables, so that nobody can do more than his work needs.
 *
 * The owner of the schema migrates it. Everybody else is given one of these, by the owner.
 */
import { Context, type Effect } from "effect"
import type { StartRefused } from "../domain/errors.ts"

/**
 * - `runtime`: claims, settles, writes receipts, has them sealed; creates nothing, changes and deletes no receipt
 * - `proposer`: writes proposals into the outbox, and nothing else
 * - `sealer`: has receipts folded and sealed and months made, and nothing else
 * - `purger`: has bodies purged, and nothing else
 * - `reader`: reads receipts and seals, bodies included, and verifies; no payload, no secret of the ledger
 */
export const roleKinds = ["runtime", "proposer", "sealer", "purger", "reader"] as const
export type RoleKind = (typeof roleKinds)[number]

export class Roles extends Context.Service<
  Roles,
  {
    /** Grants a role that there is what the kind needs; what it had besides stays. The statements that were run. */
    readonly grant: (kind: RoleKind, role: string) => Effect.Effect<ReadonlyArray<string>, StartRefused>
  }
>()("fibric/kernel/Roles") {}
