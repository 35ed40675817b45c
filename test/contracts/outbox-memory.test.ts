import { Layer } from "effect"
import * as OutboxMemory from "../../src/kernel/OutboxMemory.ts"
import * as Settings from "../../src/kernel/Settings.ts"
import { outboxCapacity } from "./keys.ts"
import { outboxContract } from "./outbox.contract.ts"

outboxContract("in memory", OutboxMemory.layer.pipe(Layer.provide(Settings.layer({ outboxCapacity }))))
