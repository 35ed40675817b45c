import * as LedgerMemory from "../../src/kernel/LedgerMemory.ts"
import { payloadsContract } from "./payloads.contract.ts"

payloadsContract("in memory", LedgerMemory.layer)
