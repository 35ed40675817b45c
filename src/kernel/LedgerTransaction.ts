/**
 * LedgerTransaction: the open transaction in the ledger's database that a `transactional` capability's
 * function works in. What it writes through this client commits together with the settlement, or not at
 * all; what it does by any other way does not.
 */
import { Context } from "effect"
import type { SqlClient } from "effect/sql"

/** A client whose statements belong to the attempt's transaction. Valid inside the call alone. */
export class LedgerTransaction extends Context.Service<LedgerTransaction, SqlClient.SqlClient>()(
  "fibric/kernel/LedgerTransaction"
) {}
