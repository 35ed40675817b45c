import { layerLedger } from "./postgres.ts"
import { lifecycleContract } from "./lifecycle.contract.ts"

lifecycleContract("on Postgres", layerLedger)
