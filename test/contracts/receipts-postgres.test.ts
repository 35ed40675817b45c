import { readable } from "../support/readable.ts"
import { layerLedger } from "./postgres.ts"
import { receiptsContract } from "./receipts.contract.ts"

receiptsContract("on Postgres", layerLedger, readable)
