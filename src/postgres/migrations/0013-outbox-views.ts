/**
 * Step 13: what people and other programs may read of the outbox: the backlog of each entity, with why its
 * first row waits, and the rows that can't be delivered.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { documented } from "./public-views.ts"

/** `fibric.outbox`: what waits, a row for each entity. */
export const outboxColumns = {
  entity_type: "The type of the entity",
  entity_id: "The id of the entity",
  waiting: "How many of its proposals wait, the one that is being delivered included",
  due: "How many of them are due",
  oldest_at: "When the oldest of them was proposed",
  position: "The one that has begun and not ended; null where none has",
  deliveries: "How often that one was taken; 0 where none has begun",
  next_at: "When it is looked at again; null where no deliverer has seen the entity yet",
  reason: "Why the first one waits, in words"
} as const

/** `fibric.dead_letters`: what could not be delivered. */
export const deadLetterColumns = {
  position: "Its place in the outbox; what fibric outbox revive and drop are told",
  capability: "The verb",
  entity_type: "The type of the entity",
  entity_id: "The id of the entity",
  operator: "Who proposed it",
  proposed_at: "When it was proposed",
  buried_at: "When it was given up",
  deliveries: "How often it was taken",
  reason: "Why asking again would change nothing, in words"
} as const

export const outboxViews = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE VIEW fibric.outbox AS
    SELECT backlog.entity_type, backlog.entity_id, backlog.waiting, backlog.due, backlog.oldest_at,
      CASE WHEN lane.begun THEN lane.head END AS position,
      CASE WHEN lane.begun THEN lane.deliveries ELSE 0 END AS deliveries,
      lane.next_at,
      CASE
        WHEN lane.begun AND lane.token IS NOT NULL AND lane.next_at > statement_timestamp() THEN 'being delivered'
        WHEN lane.begun THEN COALESCE(lane.reason, 'taken, and not heard of since')
        WHEN backlog.due = 0 THEN 'not due yet'
        WHEN lane.capability <> '' THEN 'waits for a process that carries out "' || lane.capability || '"'
        ELSE 'not taken yet'
      END AS reason
    FROM (
      SELECT entity_type, entity_id, count(*) AS waiting,
        count(*) FILTER (WHERE due_at <= statement_timestamp()) AS due, min(proposed_at) AS oldest_at
      FROM fibric.proposal WHERE state = 'waiting'
      GROUP BY entity_type, entity_id
    ) AS backlog
    LEFT JOIN fibric.outbox_lane AS lane
      ON lane.entity_type = backlog.entity_type AND lane.entity_id = backlog.entity_id`
  yield* sql`
    CREATE VIEW fibric.dead_letters AS
    SELECT position, capability, entity_type, entity_id, operator, proposed_at, buried_at, deliveries, reason
    FROM fibric.proposal WHERE state = 'dead'`
  yield* documented("outbox", outboxColumns)
  yield* documented("dead_letters", deadLetterColumns)
})
