/**
 * Settings: the kernel's bounds and times in one place. Everything has a bound; each says what
 * happens there.
 */
import { Context, Duration, Layer } from "effect"

/** What a database server may be set to that can cost committed rows when it crashes. */
export type DurabilityRisk = "fsync=off" | "full_page_writes=off" | "synchronous_commit=off"

/** The kernel's bounds, in the units that the names end in. */
export interface Bounds {
  /** How long a worker that is not heard of counts as alive. Liveness only: doubt, never a duplicate. */
  readonly leaseMillis: number
  /** How often a worker says that it is alive. A third of the lease where that is less, so that two may be lost. */
  readonly beatMillis: number
  /** How often silent rows are looked for, and how many one statement turns doubtful at most. */
  readonly reapMillis: number
  readonly reapBatch: number
  /** How long after its deadline a row with no settlement becomes doubtful by itself. */
  readonly doubtMarginMillis: number
  /** How long a call is listened to after its deadline; then it is interrupted. */
  readonly graceMillis: number
  /** How many actions may wait for one entity. The next one gets `Saturated`. */
  readonly mailboxCapacity: number
  /**
   * How many actions may be under way in this process, waiting ones included; what asks for the same joins
   * without being counted. The next one gets `Saturated`. It bounds what waits for the ledger, too.
   */
  readonly maxUnderWay: number
  /**
   * How long a worker may take at its turn, guard included, while others wait for the entity. Then it
   * goes to the tail of the line. A guard that takes longer gets `GuardFailed`.
   */
  readonly turnMillis: number
  /** How often in a row one commit may settle an action and claim the entity's next one. */
  readonly keepLane: number
  /** The largest payload, in bytes of its JSON. A larger one gets `InvalidPayload`. */
  readonly maxPayloadBytes: number
  /** The deepest payload. A deeper one gets `InvalidPayload`. */
  readonly maxPayloadDepth: number
  /** The largest output, in bytes of its JSON. A larger one can't be recorded: the key is in doubt. */
  readonly maxOutputBytes: number
  /** How often doubts whose recovery is due are looked for, and how many are dealt with at once at most. */
  readonly recoverMillis: number
  readonly recoverBatch: number
  /** A doubt older than this is a warning in the log, once for each process; looked for 30 times in that time. */
  readonly oldDoubtMillis: number
  /**
   * How old receipts are when they are sealed, and how wide a seal's range is at least. Until then nothing
   * vouches for them, and repeats stand in a row for each batch.
   */
  readonly sealMillis: number
  /** How long closing waits for what is in flight. What is left stays in flight, to become doubtful. */
  readonly drainMillis: number
  /** The first and the longest pause between two looks at another process's flight. */
  readonly pollMillis: number
  readonly maxPollMillis: number
  /**
   * How many rows of one entity may wait in the outbox. The next one gets `OutboxFull`. Transactions at the same
   * time don't see each other's; `fibric.propose` in the database has 10,000, whatever is set here.
   */
  readonly outboxCapacity: number
  /** How many entities this process delivers for at once. The others' rows wait in the outbox. */
  readonly deliverAtOnce: number
  /**
   * How long a row that was taken belongs to whoever took it and is not heard of. Who delivers says so three
   * times in that time; what died with its process is taken again after it. Liveness only: until the row has
   * ended, its entity's next one waits.
   */
  readonly deliverLeaseMillis: number
  /** The first and the longest pause between two looks into an outbox that has nothing to take. */
  readonly deliverPollMillis: number
  readonly maxDeliverPollMillis: number
  /** The first and the longest pause before a row that could not be delivered is tried again. */
  readonly deliverAgainMillis: number
  readonly maxDeliverAgainMillis: number
  /**
   * How often a delivery may end in proof that nothing was performed, before its row is a dead letter. A doubt,
   * and whatever only says that it is not the time, is not counted.
   */
  readonly maxFailedDeliveries: number
  /**
   * The risks to durability that starting is not refused for. Where one is there, every receipt names
   * it: a crash of the server can lose a claim, and the effect is then performed again.
   */
  readonly acceptedRisks: ReadonlyArray<DurabilityRisk>
}

const defaults: Bounds = {
  leaseMillis: Duration.toMillis("30 seconds"),
  beatMillis: Duration.toMillis("5 seconds"),
  reapMillis: Duration.toMillis("5 seconds"),
  reapBatch: 100,
  doubtMarginMillis: Duration.toMillis("10 seconds"),
  graceMillis: Duration.toMillis("1 minute"),
  mailboxCapacity: 1_024,
  maxUnderWay: 65_536,
  turnMillis: Duration.toMillis("5 seconds"),
  keepLane: 32,
  maxPayloadBytes: 256 * 1_024,
  maxPayloadDepth: 64,
  maxOutputBytes: 1_024 * 1_024,
  recoverMillis: Duration.toMillis("5 seconds"),
  recoverBatch: 32,
  oldDoubtMillis: Duration.toMillis("15 minutes"),
  sealMillis: Duration.toMillis("5 minutes"),
  drainMillis: Duration.toMillis("10 seconds"),
  pollMillis: 20,
  maxPollMillis: 500,
  outboxCapacity: 10_000,
  deliverAtOnce: 64,
  deliverLeaseMillis: Duration.toMillis("30 seconds"),
  deliverPollMillis: 50,
  maxDeliverPollMillis: Duration.toMillis("1 second"),
  deliverAgainMillis: Duration.toMillis("1 second"),
  maxDeliverAgainMillis: Duration.toMillis("1 minute"),
  maxFailedDeliveries: 20,
  acceptedRisks: []
}

/** The bounds in use. */
export const Settings = Context.Reference<Bounds>("fibric/kernel/Settings", {
  defaultValue: () => defaults
})

/** Changes some of the bounds for everything that is built on this layer. */
export const layer = (changes: Partial<Bounds>): Layer.Layer<never> =>
  Layer.succeed(Settings, { ...defaults, ...changes })
