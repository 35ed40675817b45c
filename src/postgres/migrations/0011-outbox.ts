/**
 * Step 11: the outbox. New tables only; a worker of the version before knows none of them, and what is
 * proposed waits for one that does.
 *
 * `proposal` is what applications write, each row once: no row of it is shared, so that two transactions that
 * propose never wait for each other. `outbox_lane` is the deliverers' own, a row for each entity of which they
 * have seen a proposal; it is what they lock, and what makes the first due row of each entity cheap to find,
 * however much waits behind it. A row that was delivered is deleted: its receipt is the record.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const outbox = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE fibric.proposal (
      position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
      proposed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      entity_type text COLLATE "C" NOT NULL,
      entity_id text COLLATE "C" NOT NULL,
      capability text NOT NULL,
      payload json,
      decided_at integer,
      operator text NOT NULL,
      due_at timestamptz NOT NULL,
      state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'dead', 'dropped')),
      fresh boolean NOT NULL DEFAULT true,
      deliveries integer NOT NULL DEFAULT 0,
      reason text,
      buried_at timestamptz,
      dropped_by text,
      drop_reason text,
      dropped_at timestamptz
    )`
  yield* sql`
    COMMENT ON TABLE fibric.proposal IS
      'Actions that were proposed and have not ended. Fresh: no deliverer has seen it. Deleted once delivered; dead where it could not be, until a person revives or drops it.'`
  yield* sql`CREATE INDEX proposal_fresh ON fibric.proposal (position) WHERE fresh`
  yield* sql`
    CREATE INDEX proposal_waiting ON fibric.proposal (entity_type, entity_id, position) WHERE state = 'waiting'`
  yield* sql`CREATE INDEX proposal_dead ON fibric.proposal (position) WHERE state = 'dead'`
  yield* sql`
    CREATE TABLE fibric.outbox_lane (
      entity_type text COLLATE "C" NOT NULL,
      entity_id text COLLATE "C" NOT NULL,
      next_at timestamptz NOT NULL,
      capability text NOT NULL DEFAULT '',
      begun boolean NOT NULL DEFAULT false,
      head bigint,
      token uuid,
      deliveries integer NOT NULL DEFAULT 0,
      failures integer NOT NULL DEFAULT 0,
      reason text,
      PRIMARY KEY (entity_type, entity_id)
    )`
  yield* sql`CREATE INDEX outbox_lane_next ON fibric.outbox_lane (capability, next_at)`
  yield* sql`
    COMMENT ON TABLE fibric.outbox_lane IS
      'Entities with proposals, and which of them has begun. Where none has, the capability is that of the first due one as far as it is known, and empty where nobody has looked.'`
  yield* sql`
    CREATE TABLE fibric.operator_cursor (
      operator text NOT NULL,
      source text NOT NULL,
      cursor text NOT NULL,
      moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (operator, source)
    )`
  yield* sql`
    COMMENT ON TABLE fibric.operator_cursor IS
      'How far each operator has read each source. It moves in the commit that proposes what was decided.'`
})
