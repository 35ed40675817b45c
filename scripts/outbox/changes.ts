/**
 * The two changes that are proposed: one whose effect is a row in the ledger's own database, and one at a
 * provider that recognises keys. Both say which transaction proposed them, and which number that was in its
 * entity.
 */
import { Effect, Layer, Schema } from "effect"
import {
  Capability,
  Connector,
  Entity,
  LedgerTransaction,
  Outbox,
  OutcomeUnknown,
  Recovery,
  Settings
} from "fibric"
import * as Provider from "./Provider.ts"

export const Shelf = Entity.make("shelf")
export const Customer = Entity.make("customer")

const common = {
  payload: { transaction: Schema.Int, number: Schema.Int },
  success: Schema.Struct({}),
  occasion: ({ transaction }: { readonly transaction: number }) => `${transaction}`,
  deadline: "2 seconds",
  stores: ["transaction", "number"] as const
} as const

export const Book = Capability.make("book", { ...common, entity: Shelf, recovery: Recovery.transactional })

export const Tell = Capability.make("tell", {
  ...common,
  entity: Customer,
  recovery: Recovery.resend({ window: "1 hour", backoff: "200 millis", attempts: 50 })
})

const layerConnector = (port: number) =>
  Connector.make("shop", Book, Tell).toLayer({
    book: ({ number, transaction }, { entity }) =>
      Effect.gen(function* () {
        const sql = yield* LedgerTransaction
        yield* sql`
          INSERT INTO shop_effect (entity, transaction, number) VALUES (${entity.id}, ${transaction}, ${number})`
        return {}
      }).pipe(Effect.orDie),
    tell: (payload, { entity, key }) =>
      Effect.mapError(
        Provider.perform(port, { ...payload, key, entity: entity.id }),
        ({ reason }) => new OutcomeUnknown({ reason })
      )
  })

/** Deaths are noticed in seconds. The processor is shared by many processes: much shorter would be unfair. */
export const settings = Settings.layer({
  leaseMillis: 3_000,
  beatMillis: 500,
  reapMillis: 300,
  doubtMarginMillis: 500,
  recoverMillis: 300,
  deliverLeaseMillis: 3_000,
  deliverAgainMillis: 200,
  maxDeliverAgainMillis: 1_000,
  maxDeliverPollMillis: 200
})

/** What a worker is made of, but for the runtime and its settings. */
export const layerWorker = (port: number) =>
  Outbox.layerDelivery.pipe(Layer.provideMerge(layerConnector(port)))
