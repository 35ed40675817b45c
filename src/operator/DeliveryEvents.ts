/**
 * DeliveryEvents: how deliveries end, for the log and the metrics.
 */
import { Effect } from "effect"
import * as Entity from "../domain/Entity.ts"
import type { Delivered, Taken } from "../kernel/Outbox.ts"
import { emit } from "../kernel/telemetry/Events.ts"
import * as Metrics from "../kernel/telemetry/Metrics.ts"

/** A row's fields in an event. */
export const about = ({ capability, delivery, entity, operator, position }: Taken) => ({
  "fibric.outbox.position": String(position),
  "fibric.outbox.delivery": delivery,
  "fibric.capability": capability,
  "fibric.entity": Entity.label(entity),
  "fibric.operator": operator
})

/** Tells the log and the metrics how a delivery ended. */
export const tell = (taken: Taken, delivered: Delivered): Effect.Effect<void> => {
  const counted = Metrics.delivered(taken.capability, delivered._tag.toLowerCase())
  switch (delivered._tag) {
    case "End":
      return Effect.andThen(
        counted,
        emit("fibric.outbox.delivered", {
          ...about(taken),
          "fibric.receipt.outcome": delivered.outcome,
          "fibric.receipt.id": delivered.receipt
        })
      )
    case "Renew":
      return Effect.void
    case "Again":
    case "Failed":
      return Effect.andThen(
        counted,
        emit(
          "fibric.outbox.again",
          {
            ...about(taken),
            "fibric.outbox.after_millis": delivered.afterMillis,
            "fibric.reason": delivered.reason
          },
          delivered._tag === "Failed" ? "Warn" : "Info"
        )
      )
    case "Bury":
      return Effect.andThen(
        counted,
        emit("fibric.outbox.buried", { ...about(taken), "fibric.reason": delivered.reason })
      )
  }
}
