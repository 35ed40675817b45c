import * as LedgerMemory from "../../src/kernel/LedgerMemory.ts"
import { ledgerContract } from "./ledger.contract.ts"

ledgerContract("in memory", LedgerMemory.layer)
