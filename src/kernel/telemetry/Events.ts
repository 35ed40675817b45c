/**
 * Events: every structured log event of fibric, by its name, with its level and its fields. Names are
 * public: they may become more, and none of them changes its meaning. docs/telemetry.md is this, as a table.
 *
 * What a start has to say is a sentence, and no event.
 */
import { Context, Effect, Logger, LogLevel, References } from "effect"

/** What a field means, wherever it stands. An instant is ISO 8601 in UTC; what is not known is null. */
export const fields = {
  "fibric.actions": "How many actions were proposed",
  "fibric.attempt": "Which dispatch of the key it is about, from 1; 0 where there was none",
  "fibric.capability": "The verb",
  "fibric.check_after": "For a doubt: when to look again",
  "fibric.cursor": "The place in the source up to which the operator has read",
  "fibric.cursor.event": "The place right behind the event that it is about",
  "fibric.duration_millis": "How long the connector took, in milliseconds",
  "fibric.entity": "The entity's label, type-id",
  "fibric.events": "How many events they answer",
  "fibric.evidence": "What was known of the attempt and could not be recorded",
  "fibric.key": "The idempotency key's label",
  "fibric.months": "The parts of the receipts' table that were made",
  "fibric.operator": "Who asked, or who gave the verdict; of the operators' own events, which one",
  "fibric.outbox.after_millis": "How long it waits before it is taken again, in milliseconds",
  "fibric.outbox.delivery": "Which time the row was taken, from 1",
  "fibric.outbox.position": "The row's place in the outbox",
  "fibric.person": "Who said so",
  "fibric.reason": "Why, in words",
  "fibric.receipt.count": "How many requests the receipt stands for",
  "fibric.receipt.id": "The receipt",
  "fibric.receipt.outcome": "What became of the request",
  "fibric.receipt.refers_to": "The receipt that answered this request, or that this one follows",
  "fibric.recovery": "What its capability declared for a doubt",
  "fibric.safe_to_retry": "Whether nothing was performed and the same action may be asked for again",
  "fibric.seal.folded": "How many rows were folded into others",
  "fibric.seal.number": "The seal's place in the chain",
  "fibric.seal.receipts": "How many requests the sealed receipts stand for",
  "fibric.seal.rows": "How many receipts were sealed",
  "fibric.since": "Since when the key has been in doubt",
  "fibric.source": "The source that the operator watches"
} as const

export type Field = keyof typeof fields

/** An event as it is declared. Of several levels the event's own content decides. */
interface Declared {
  readonly level: LogLevel.Severity | ReadonlyArray<LogLevel.Severity>
  readonly meaning: string
  readonly fields: ReadonlyArray<Field>
}

export const events = {
  "fibric.receipt": {
    level: ["Debug", "Info", "Warn", "Error"],
    meaning:
      "A receipt was committed by this process. Debug for a repeat, Info where an action ended, Warn where somebody should look, Error where the promise was broken outside or a verdict was wrong",
    fields: [
      "fibric.receipt.id",
      "fibric.receipt.outcome",
      "fibric.receipt.count",
      "fibric.key",
      "fibric.entity",
      "fibric.capability",
      "fibric.operator",
      "fibric.attempt",
      "fibric.receipt.refers_to",
      "fibric.duration_millis",
      "fibric.reason",
      "fibric.safe_to_retry",
      "fibric.check_after"
    ]
  },
  "fibric.doubt.old": {
    level: "Warn",
    meaning: "A key has been in doubt for longer than `oldDoubtMillis`; told once by each process",
    fields: [
      "fibric.key",
      "fibric.capability",
      "fibric.attempt",
      "fibric.since",
      "fibric.recovery",
      "fibric.reason"
    ]
  },
  "fibric.ledger.lost_attempt": {
    level: "Error",
    meaning:
      "The ledger no longer knows an attempt, as after a failover that lost rows: it may have happened",
    fields: ["fibric.key", "fibric.evidence", "fibric.reason"]
  },
  "fibric.ledger.not_listening": {
    level: "Debug",
    meaning:
      "The connection that hears of freed lanes was lost; it is made anew, and lanes are looked at meanwhile",
    fields: ["fibric.reason"]
  },
  "fibric.recovery.died": {
    level: "Error",
    meaning: "The recovery of a doubt ended in a bug; it is due again later",
    fields: ["fibric.key", "fibric.attempt", "fibric.reason"]
  },
  "fibric.recovery.failed": {
    level: "Warn",
    meaning: "The recovery of a doubt could not be ended; it is due again later",
    fields: ["fibric.key", "fibric.attempt", "fibric.reason"]
  },
  "fibric.recovery.lookup_failed": {
    level: "Warn",
    meaning: "The provider could not be asked about a doubt; it is asked again later",
    fields: ["fibric.key", "fibric.attempt", "fibric.reason"]
  },
  "fibric.recovery.left_to_a_person": {
    level: "Warn",
    meaning: "Nothing more is done about a doubt by itself",
    fields: ["fibric.key", "fibric.attempt", "fibric.reason"]
  },
  "fibric.recovery.look_failed": {
    level: "Error",
    meaning: "Doubts that are due could not be looked for; it is tried again",
    fields: ["fibric.reason"]
  },
  "fibric.recovery.watch_failed": {
    level: "Error",
    meaning: "Doubts could not be counted; it is tried again",
    fields: ["fibric.reason"]
  },
  "fibric.worker.beat_failed": {
    level: "Warn",
    meaning: "A heartbeat was not confirmed; without one nothing new starts once the lease has run out",
    fields: ["fibric.reason"]
  },
  "fibric.worker.reap_failed": {
    level: "Warn",
    meaning: "Silent rows could not be looked for; it is tried again",
    fields: ["fibric.reason"]
  },
  "fibric.worker.give_up_failed": {
    level: "Warn",
    meaning: "A claim that was not confirmed could not be given up; it is tried again",
    fields: ["fibric.reason"]
  },
  "fibric.outbox.delivered": {
    level: "Debug",
    meaning: "A row of the outbox has ended and is gone; its receipt is the record",
    fields: [
      "fibric.outbox.position",
      "fibric.outbox.delivery",
      "fibric.capability",
      "fibric.entity",
      "fibric.operator",
      "fibric.receipt.outcome",
      "fibric.receipt.id"
    ]
  },
  "fibric.outbox.again": {
    level: ["Info", "Warn"],
    meaning:
      "A row of the outbox waits and is taken again later, and its entity's later rows wait behind it. Warn where its delivery failed, which it may so often",
    fields: [
      "fibric.outbox.position",
      "fibric.outbox.delivery",
      "fibric.capability",
      "fibric.entity",
      "fibric.operator",
      "fibric.outbox.after_millis",
      "fibric.reason"
    ]
  },
  "fibric.outbox.buried": {
    level: "Error",
    meaning: "A row of the outbox is a dead letter: it is not delivered unless a person revives it",
    fields: [
      "fibric.outbox.position",
      "fibric.outbox.delivery",
      "fibric.capability",
      "fibric.entity",
      "fibric.operator",
      "fibric.reason"
    ]
  },
  "fibric.outbox.unsaid": {
    level: "Warn",
    meaning: "How a delivery ended could not be said; the row is taken again when its lease is over",
    fields: [
      "fibric.outbox.position",
      "fibric.outbox.delivery",
      "fibric.capability",
      "fibric.entity",
      "fibric.operator",
      "fibric.reason"
    ]
  },
  "fibric.outbox.look_failed": {
    level: "Warn",
    meaning: "The outbox could not be looked into; it is tried again",
    fields: ["fibric.reason"]
  },
  "fibric.sealed": {
    level: "Debug",
    meaning: "A range of receipts was sealed by this process",
    fields: ["fibric.seal.number", "fibric.seal.rows", "fibric.seal.receipts", "fibric.seal.folded"]
  },
  "fibric.seal.failed": {
    level: "Warn",
    meaning: "Receipts could not be sealed; it is tried again",
    fields: ["fibric.reason"]
  },
  "fibric.months.made": {
    level: "Info",
    meaning: "Parts of the receipts' table were made ahead",
    fields: ["fibric.months"]
  },
  "fibric.months.failed": {
    level: "Warn",
    meaning:
      "Parts of the receipts' table could not be made ahead; it is tried again, and the default part takes what comes",
    fields: ["fibric.reason"]
  },
  "fibric.operator.proposed": {
    level: "Debug",
    meaning: "An operator's proposals, and the move behind the events that they answer, were committed",
    fields: ["fibric.operator", "fibric.source", "fibric.cursor", "fibric.events", "fibric.actions"]
  },
  "fibric.operator.stopped": {
    level: "Error",
    meaning:
      "The actions for an event can't be proposed: `propose` threw, or what it proposed can't be stored or performed. The operator stands at the event until its code is mended or a person skips it; told each time it is tried again",
    fields: ["fibric.operator", "fibric.source", "fibric.cursor", "fibric.cursor.event", "fibric.reason"]
  },
  "fibric.operator.skipped": {
    level: "Warn",
    meaning: "A person let an operator go on behind the event that it stood at; nothing was proposed for it",
    fields: ["fibric.operator", "fibric.source", "fibric.cursor.event", "fibric.person", "fibric.reason"]
  },
  "fibric.operator.read_failed": {
    level: "Warn",
    meaning: "The source can't be read; it is tried again from the same place",
    fields: ["fibric.operator", "fibric.source", "fibric.cursor", "fibric.reason"]
  },
  "fibric.operator.write_failed": {
    level: "Warn",
    meaning:
      "What an operator proposes, or how far it has come, could not be written or read; it is tried again",
    fields: ["fibric.operator", "fibric.source", "fibric.cursor", "fibric.reason"]
  },
  "fibric.operator.outbox_full": {
    level: "Warn",
    meaning:
      "An entity has as many actions waiting in the outbox as it may; the operator waits and reads no further meanwhile",
    fields: ["fibric.operator", "fibric.source", "fibric.cursor", "fibric.reason"]
  }
} as const satisfies Readonly<Record<string, Declared>>

export type EventName = keyof typeof events

/** An event's fields, each with its value. */
export type FieldsOf<Name extends EventName> = {
  readonly [field in (typeof events)[Name]["fields"][number]]: string | number | boolean | null
}

/**
 * Tells the log of an event, at the level that it is declared with, or at one of several. Where nobody
 * listens at that level, its values are not even put together.
 */
export const emit = <Name extends EventName>(
  name: Name,
  values: FieldsOf<Name> | (() => FieldsOf<Name>),
  level?: LogLevel.Severity
): Effect.Effect<void> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const declared: Declared = events[name]
    const severity = typeof declared.level === "string" ? declared.level : level
    if (severity !== undefined && !isHeard(severity, context)) return Effect.void
    return Effect.annotateLogs(
      Effect.logWithLevel(severity)(name),
      typeof values === "function" ? values() : values
    )
  })

const isHeard = (severity: LogLevel.Severity, context: Context.Context<never>): boolean =>
  Context.get(context, Logger.CurrentLoggers).size > 0 &&
  !LogLevel.isGreaterThan(Context.get(context, References.MinimumLogLevel), severity)
