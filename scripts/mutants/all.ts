/**
 * All mutants that the tests must catch.
 */
import { connectorMutants } from "./connectors.ts"
import { lawMutants } from "./laws.ts"
import { ledgerMutants } from "./ledger.ts"
import { type Mutant, mutants as kernelMutants } from "./list.ts"
import { operatorMutants } from "./operators.ts"
import { orderMutants } from "./orders.ts"
import { outboxMutants } from "./outbox.ts"
import { payloadMutants } from "./payloads.ts"
import { receiptMutants } from "./receipts.ts"

export const mutants: ReadonlyArray<Mutant> = [
  ...kernelMutants,
  ...payloadMutants,
  ...ledgerMutants,
  ...receiptMutants,
  ...outboxMutants,
  ...operatorMutants,
  ...orderMutants,
  ...connectorMutants,
  ...lawMutants
]
