/**
 * The simulation's ledger keeps the contract: else the simulation would prove another database.
 */
import { Effect } from "effect"
import * as Simulated from "../support/simulated.ts"
import { doubtContract } from "./doubt.contract.ts"
import { ledgerContract } from "./ledger.contract.ts"
import { lifecycleContract } from "./lifecycle.contract.ts"
import { payloadsContract } from "./payloads.contract.ts"
import { receiptsContract } from "./receipts.contract.ts"
import { turnsContract } from "./turns.contract.ts"

ledgerContract("simulated", Simulated.layer)
doubtContract("simulated", Simulated.layer)
turnsContract("simulated", Simulated.layer)
lifecycleContract("simulated", Simulated.layer)
payloadsContract("simulated", Simulated.layer)
receiptsContract("simulated", Simulated.layer, Effect.void)
