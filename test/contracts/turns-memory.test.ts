import * as LedgerMemory from "../../src/kernel/LedgerMemory.ts"
import { turnsContract } from "./turns.contract.ts"

turnsContract("in memory", LedgerMemory.layer)
