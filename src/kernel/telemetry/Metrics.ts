/**
 * Metrics: every metric of fibric. A label is never a key, an entity, an operator or a reason: the number of
 * series is that of the capabilities that this process carries out, times the outcomes.
 */
import { type Context, Effect, Metric } from "effect"

/** What is labelled: by whom it is carried out, what it is, and what became of it. */
export interface Labels {
  readonly connector: string
  readonly capability: string
  readonly outcome: string
}

/** What stands in a label for a capability that no connector of this process carries out. */
export const unknownHere = "other"

/** Each metric as it is declared, for its documentation. */
export const metrics = {
  fibric_effects_total: {
    type: "counter",
    unit: "requests",
    labels: ["connector", "capability", "outcome"],
    description: "Requests by what became of them, as the receipts that this process committed count them"
  },
  fibric_effect_duration_seconds: {
    type: "histogram",
    unit: "seconds",
    labels: ["connector", "capability", "outcome"],
    description: "How long connectors took, for the receipts that say so"
  },
  fibric_in_flight: {
    type: "gauge",
    unit: "calls",
    labels: [],
    description: "Connector calls under way in this process, lookups and those past their deadline included"
  },
  fibric_waiting: {
    type: "gauge",
    unit: "actions",
    labels: [],
    description: "Actions that wait in mailboxes of this process for their turn"
  },
  fibric_outbox_deliveries_total: {
    type: "counter",
    unit: "deliveries",
    labels: ["capability", "ended"],
    description: "Deliveries out of the outbox by this process, by how they ended: end, again, failed or bury"
  },
  fibric_outbox_delivering: {
    type: "gauge",
    unit: "rows",
    labels: [],
    description: "Rows of the outbox that this process delivers now, one for each entity"
  },
  fibric_in_doubt: {
    type: "gauge",
    unit: "keys",
    labels: [],
    description:
      "Keys in doubt in the whole ledger, counted up to 1,000; looked at 30 times in `oldDoubtMillis`"
  },
  fibric_oldest_doubt_seconds: {
    type: "gauge",
    unit: "seconds",
    labels: [],
    description: "Age of the oldest key in doubt in the whole ledger; 0 where there is none"
  },
  fibric_operators_held: {
    type: "gauge",
    unit: "operators",
    labels: [],
    description:
      "Operators of this process that can't go on: stopped at an event, or kept from reading or writing"
  }
} as const

/** Upper bounds of the histogram's buckets, in seconds. */
const boundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

const described = (name: keyof typeof metrics) => ({ description: metrics[name].description })

interface Series {
  readonly effects: Metric.Counter<number>
  readonly durations: Metric.Histogram<number>
}

const series = new Map<string, Series>()

/** The series of some labels, made once: to find out which ones labels mean costs more than to count. */
const seriesOf = ({ capability, connector, outcome }: Labels): Series => {
  // Names may have spaces in them; no capability's and no outcome has a NUL.
  const name = `${connector}\0${capability}\0${outcome}`
  const known = series.get(name)
  if (known !== undefined) return known
  const attributes = { connector, capability, outcome }
  const fresh = {
    effects: Metric.counter("fibric_effects_total", {
      ...described("fibric_effects_total"),
      incremental: true,
      attributes
    }),
    durations: Metric.histogram("fibric_effect_duration_seconds", {
      ...described("fibric_effect_duration_seconds"),
      boundaries,
      attributes
    })
  }
  series.set(name, fresh)
  return fresh
}
const inFlight = Metric.gauge("fibric_in_flight", described("fibric_in_flight"))
const waiting = Metric.gauge("fibric_waiting", described("fibric_waiting"))
const deliveries = Metric.counter("fibric_outbox_deliveries_total", {
  ...described("fibric_outbox_deliveries_total"),
  incremental: true
})
const delivering = Metric.gauge("fibric_outbox_delivering", described("fibric_outbox_delivering"))
const inDoubt = Metric.gauge("fibric_in_doubt", described("fibric_in_doubt"))
const oldestDoubt = Metric.gauge("fibric_oldest_doubt_seconds", described("fibric_oldest_doubt_seconds"))
const operatorsHeld = Metric.gauge("fibric_operators_held", described("fibric_operators_held"))

/** Counts what a receipt stands for, and how long its call took where it says so. */
export const ended = (
  labels: Labels,
  count: number,
  durationMillis: number | null,
  context: Context.Context<never>
): void => {
  const { durations, effects } = seriesOf(labels)
  effects.updateUnsafe(count, context)
  if (durationMillis !== null) durations.updateUnsafe(durationMillis / 1_000, context)
}

/** So many more calls are under way, or fewer, as the context's registry counts them. */
export const calls = (more: number, context: Context.Context<never>): void =>
  inFlight.modifyUnsafe(more, context)

/** Counts how a delivery ended. */
export const delivered = (capability: string, ended: string): Effect.Effect<void> =>
  Metric.update(Metric.withAttributes(deliveries, { capability, ended }), 1)

/** Counts a delivery as under way while it runs, however it ends. */
export const whileDelivering = <A, E, R>(delivery: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Metric.modify(delivering, 1),
    () => delivery,
    () => Metric.modify(delivering, -1)
  )

/** So many more actions wait, or fewer, as the context's registry counts them. */
export const waits = (more: number, context: Context.Context<never>): void =>
  waiting.modifyUnsafe(more, context)

/** What is in doubt in the whole ledger. */
export const doubts = (keys: number, oldestMillis: number): Effect.Effect<void> =>
  Effect.andThen(Metric.update(inDoubt, keys), Metric.update(oldestDoubt, oldestMillis / 1_000))

/** So many more operators can't go on, or fewer. */
export const operatorsHeldUp = (more: 1 | -1): Effect.Effect<void> => Metric.modify(operatorsHeld, more)
