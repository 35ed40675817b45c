import { layerLedger } from "./postgres.ts"
import { receiptsContract } from "./receipts.contract.ts"

receiptsContract("on Postgres", layerLedger)
