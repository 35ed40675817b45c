/**
 * `fibric outbox list` and `dead`: what waits to be delivered and why, and what could not be.
 */
import { Clock, Console, Effect, Schema } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { label } from "../../domain/Entity.ts"
import { type Backlog, type DeadLetter, Outbox } from "../../kernel/Outbox.ts"
import { instant, print } from "./documents.ts"
import { json } from "./options.ts"
import { age, cut, printable, table } from "./Text.ts"

const most = 1_000

const limit = Flag.Int("limit").pipe(
  Flag.withMetavar("N"),
  Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: most }))),
  Flag.withDefault(50),
  Flag.withDescription(`How many at most, the oldest; up to ${most} (default: 50)`)
)

/** The reason is cut here; `--json` has all of it. */
const maxReason = 100

const reasonOf = (reason: string): string => cut(printable(reason), maxReason)

export const outboxList = Command.make(
  "list",
  { limit, json },
  Effect.fn("Cli.outboxList")(function* ({ json, limit }) {
    const outbox = yield* Outbox
    const found = yield* outbox.backlog(limit + 1)
    const shown = found.slice(0, limit)
    const now = yield* Clock.currentTimeMillis
    if (json) return yield* print(shown.map((backlog) => backlogDocument(backlog, now)))
    if (shown.length === 0) return yield* Console.log("Nothing waits in the outbox.")
    yield* Effect.forEach(backlogLines(shown, now), (line) => Console.log(line), { discard: true })
    if (found.length > limit) yield* Console.log(`There are more than these ${limit}; --limit shows more.`)
  })
).pipe(
  Command.withDescription(
    "List the entities whose actions wait to be delivered, the oldest first: how many wait, since when, and why the first one of each does, where it was tried."
  ),
  Command.withShortDescription("List what waits to be delivered, and why")
)

const ageMillis = ({ oldestAt }: Backlog, nowMillis: number): number =>
  Math.max(0, Math.round(nowMillis - oldestAt.epochMilliseconds))

const backlogDocument = (backlog: Backlog, nowMillis: number) => ({
  entity: backlog.entity,
  waiting: backlog.waiting,
  oldestAt: instant(backlog.oldestAt),
  ageMillis: ageMillis(backlog, nowMillis),
  reason: backlog.reason
})

const backlogLines = (backlogs: ReadonlyArray<Backlog>, nowMillis: number): ReadonlyArray<string> =>
  table(
    ["ENTITY", "WAITING", "OLDEST", "AGE", "REASON"],
    backlogs.map((backlog) => [
      label(backlog.entity),
      String(backlog.waiting),
      instant(backlog.oldestAt) ?? "",
      age(ageMillis(backlog, nowMillis)),
      reasonOf(backlog.reason ?? "-")
    ])
  )

export const outboxDead = Command.make(
  "dead",
  { limit, json },
  Effect.fn("Cli.outboxDead")(function* ({ json, limit }) {
    const outbox = yield* Outbox
    const found = yield* outbox.deadLetters(limit + 1)
    const shown = found.slice(0, limit)
    if (json) return yield* print(shown.map(deadLetterDocument))
    if (shown.length === 0) return yield* Console.log("There are no dead letters.")
    yield* Effect.forEach(deadLines(shown), (line) => Console.log(line), { discard: true })
    if (found.length > limit) yield* Console.log(`There are more than these ${limit}; --limit shows more.`)
  })
).pipe(
  Command.withDescription(
    "List the dead letters: actions that were proposed and could not be delivered, because asking again would change nothing or has failed too often. With --json, what was proposed, too."
  ),
  Command.withShortDescription("List what could not be delivered"),
  Command.withExamples([
    { command: "fibric outbox dead", description: "What somebody has to mend, revive or drop" }
  ])
)

const deadLetterDocument = (letter: DeadLetter) => ({
  position: String(letter.position),
  capability: letter.capability,
  entity: letter.entity,
  payload: letter.payload,
  decidedAt: letter.decidedAt ?? null,
  operator: letter.operator,
  dueAt: instant(letter.dueAt ?? null),
  proposedAt: instant(letter.proposedAt),
  buriedAt: instant(letter.buriedAt),
  deliveries: letter.deliveries,
  reason: letter.reason
})

const deadLines = (letters: ReadonlyArray<DeadLetter>): ReadonlyArray<string> =>
  table(
    ["POSITION", "CAPABILITY", "ENTITY", "PROPOSED BY", "PROPOSED", "BURIED", "DELIVERIES", "REASON"],
    letters.map((letter) => [
      String(letter.position),
      letter.capability,
      label(letter.entity),
      letter.operator,
      instant(letter.proposedAt) ?? "",
      instant(letter.buriedAt) ?? "",
      String(letter.deliveries),
      reasonOf(letter.reason)
    ])
  )
