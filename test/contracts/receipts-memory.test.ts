import { Effect } from "effect"
import * as LedgerMemory from "../../src/kernel/LedgerMemory.ts"
import { receiptsContract } from "./receipts.contract.ts"

receiptsContract("in memory", LedgerMemory.layer, Effect.void)
