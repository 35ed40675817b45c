import * as LedgerMemory from "../../src/kernel/LedgerMemory.ts"
import { doubtContract } from "./doubt.contract.ts"

doubtContract("in memory", LedgerMemory.layer)
