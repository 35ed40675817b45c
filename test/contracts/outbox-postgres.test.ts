import { outboxContract } from "./outbox.contract.ts"
import { layerLedger } from "./postgres.ts"

outboxContract("on Postgres", layerLedger)
