import { ledgerContract } from "./ledger.contract.ts"
import { layerLedger } from "./postgres.ts"

ledgerContract("on Postgres", layerLedger)
