import { payloadsContract } from "./payloads.contract.ts"
import { layerLedger } from "./postgres.ts"

payloadsContract("on Postgres", layerLedger)
