import { layerLedger } from "./postgres.ts"
import { turnsContract } from "./turns.contract.ts"

turnsContract("on Postgres", layerLedger)
