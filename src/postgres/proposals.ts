/**
 * proposals: writing to the outbox. The statements work over any client of effect/sql and whatever it does to
 * names: none is given by it and none is read from it.
 */
import { DateTime, Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import * as Entity from "../domain/Entity.ts"
import { CursorMoved, OutboxFull } from "../domain/outbox-errors.ts"
import type { Move, Proposal } from "../kernel/Outbox.ts"

type Sql = SqlClient.SqlClient

/** When a proposal is due: at an instant, or so long after it is written; both by the database's clock. */
export interface Due {
  readonly atMillis: number | undefined
  readonly afterMillis: number | undefined
}

/** Writes one proposal; its position. Where the outbox is full nothing was written, and a transaction can go on. */
export const writeOne = (
  sql: Sql,
  proposal: Proposal,
  due: Due,
  capacity: number
): Effect.Effect<bigint, OutboxFull | SqlError.SqlError> =>
  Effect.gen(function* () {
    const { capability, entity, operator } = proposal
    const [row = []] = yield* sql`
      SELECT place::text FROM fibric.write_proposals(
        ARRAY[${capability}::text], ARRAY[${entity.type}::text], ARRAY[${entity.id}::text],
        ARRAY[${JSON.stringify(proposal.payload)}::text], ARRAY[${proposal.decidedAt ?? null}::text::integer],
        ARRAY[${operator}::text],
        ARRAY[COALESCE(
          to_timestamp(${due.atMillis === undefined ? null : String(due.atMillis / 1_000)}::text::float8),
          clock_timestamp() + ${due.afterMillis === undefined ? null : String(due.afterMillis)}::text::float8 * interval '1 ms'
        )],
        ${String(capacity)}::text::integer
      )`.values
    const [position] = row
    if (position === null || position === undefined) return yield* full(entity, capacity)
    return BigInt(String(position))
  })

/** Writes proposals in the order given, all or none; their positions. Run inside a transaction or alone. */
export const writeAll = (
  sql: Sql,
  proposals: ReadonlyArray<Proposal>,
  capacity: number
): Effect.Effect<ReadonlyArray<bigint>, OutboxFull | SqlError.SqlError> =>
  Effect.gen(function* () {
    if (proposals.length === 0) return []
    const given = JSON.stringify(
      proposals.map(({ capability, decidedAt, dueAt, entity, operator, payload }) => ({
        capability,
        type: entity.type,
        id: entity.id,
        // Text in text: what stands in a payload need not be what jsonb or a table of records can hold.
        payload: JSON.stringify(payload),
        version: decidedAt ?? null,
        operator,
        due: dueAt === undefined ? null : DateTime.formatIso(dueAt)
      }))
    )
    const rows = yield* sql`
      SELECT written.place::text, written.over_at::text FROM (
        SELECT array_agg(one ->> 'capability' ORDER BY number) AS capabilities,
          array_agg(one ->> 'type' ORDER BY number) AS types, array_agg(one ->> 'id' ORDER BY number) AS ids,
          array_agg(one ->> 'payload' ORDER BY number) AS payloads,
          array_agg((one ->> 'version')::integer ORDER BY number) AS versions,
          array_agg(one ->> 'operator' ORDER BY number) AS operators,
          array_agg((one ->> 'due')::timestamptz ORDER BY number) AS dues
        FROM json_array_elements(${given}::text::json) WITH ORDINALITY AS given (one, number)
      ) AS given, fibric.write_proposals(
        given.capabilities, given.types, given.ids, given.payloads, given.versions, given.operators, given.dues,
        ${String(capacity)}::text::integer
      ) AS written`.values
    const [[first, over] = []] = rows
    if (first === null || first === undefined) {
      return yield* full(proposals[Number(over) - 1]?.entity ?? { type: "", id: "" }, capacity)
    }
    return rows.map(([position]) => BigInt(String(position)))
  })

const full = (entity: Entity.EntityAddress, capacity: number): OutboxFull =>
  new OutboxFull({ entity: Entity.label(entity), capacity })

/** Moves a cursor on from where its operator left it, or says that it is elsewhere by now. */
export const moveCursor = (
  sql: Sql,
  { from, operator, source, to }: Move
): Effect.Effect<void, CursorMoved | SqlError.SqlError> =>
  Effect.gen(function* () {
    const moved =
      from === undefined
        ? yield* sql`
            INSERT INTO fibric.operator_cursor (operator, source, cursor)
            VALUES (${operator}::text, ${source}::text, ${to}::text)
            ON CONFLICT DO NOTHING RETURNING 1`.values
        : yield* sql`
            UPDATE fibric.operator_cursor SET cursor = ${to}::text, moved_at = clock_timestamp()
            WHERE operator = ${operator}::text AND source = ${source}::text AND cursor = ${from}::text
            RETURNING 1`.values
    if (moved.length === 0) return yield* new CursorMoved({ operator, source })
  })

export const cursorOf = (
  sql: Sql,
  operator: string,
  source: string
): Effect.Effect<string | undefined, SqlError.SqlError> =>
  Effect.map(
    sql`
      SELECT cursor FROM fibric.operator_cursor
      WHERE operator = ${operator}::text AND source = ${source}::text`.values,
    ([row]) => (row === undefined ? undefined : String(row[0]))
  )
