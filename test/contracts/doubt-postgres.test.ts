import { doubtContract } from "./doubt.contract.ts"
import { layerLedger } from "./postgres.ts"

doubtContract("on Postgres", layerLedger)
