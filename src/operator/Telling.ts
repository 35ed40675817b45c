/**
 * Telling: what an operator's log says of it. An operator that can't go on says so each time it is tried
 * again, with the place that it stands at.
 */
import type { Effect } from "effect"
import { emit } from "../kernel/telemetry/Events.ts"
import type { Operator } from "./Definition.ts"
import type { Obstacle } from "./Batch.ts"

/** Which operator it is about. */
type About = Pick<Operator<never>, "name"> & { readonly watch: { readonly name: string } }

const of = ({ name, watch }: About) => ({ "fibric.operator": name, "fibric.source": watch.name })

const heldBy =
  (event: "fibric.operator.read_failed" | "fibric.operator.write_failed" | "fibric.operator.outbox_full") =>
  (operator: About, cursor: string | undefined, reason: string): Effect.Effect<void> =>
    emit(event, { ...of(operator), "fibric.cursor": cursor ?? null, "fibric.reason": reason })

export const unreadable = heldBy("fibric.operator.read_failed")
export const unwritten = heldBy("fibric.operator.write_failed")
export const full = heldBy("fibric.operator.outbox_full")

export const proposed = (
  operator: About,
  cursor: string,
  events: number,
  actions: number
): Effect.Effect<void> =>
  emit("fibric.operator.proposed", {
    ...of(operator),
    "fibric.cursor": cursor,
    "fibric.events": events,
    "fibric.actions": actions
  })

export const stopped = (
  operator: About,
  cursor: string | undefined,
  obstacle: Obstacle
): Effect.Effect<void> =>
  emit("fibric.operator.stopped", {
    ...of(operator),
    "fibric.cursor": cursor ?? null,
    "fibric.cursor.event": obstacle.cursor,
    "fibric.reason": obstacle.reason
  })

export const skipped = (
  operator: About,
  cursor: string,
  person: string,
  reason: string
): Effect.Effect<void> =>
  emit("fibric.operator.skipped", {
    ...of(operator),
    "fibric.cursor.event": cursor,
    "fibric.person": person,
    "fibric.reason": reason
  })
