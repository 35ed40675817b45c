/**
 * Step 4: entities with a state, lines of workers that wait for a lane, what passed a doubt, and programs.
 *
 * An expansion: columns are new and have a default, tables are new, so workers of the version before go
 * on beside. They ask no guard, stand in no line and change no state; what they claim anew is cleared of
 * what this version had bound to the key before, by a trigger that fires for their claims alone: they
 * leave `bound_token` as it is. A later version, that no such worker can meet, drops it.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const lanes = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    ALTER TABLE fibric.ledger
      ADD COLUMN bound_token uuid,
      ADD COLUMN passed_doubt boolean NOT NULL DEFAULT false,
      ADD COLUMN state_of bytea,
      ADD COLUMN state_version integer,
      ADD COLUMN state_shape integer,
      ADD COLUMN state_json text,
      ADD COLUMN root_hash bytea,
      ADD COLUMN root_token uuid`
  yield* sql`
    CREATE TABLE fibric.entity (
      entity_hash bytea PRIMARY KEY,
      entity_type text NOT NULL,
      entity_id text NOT NULL,
      version integer NOT NULL DEFAULT 0,
      shape integer,
      state text,
      changed_at timestamptz
    )`
  yield* sql`
    COMMENT ON TABLE fibric.entity IS
      'The state of each entity that a guard was asked about, as its settled actions have left it. The version counts the changes.'`
  yield* sql`
    CREATE TABLE fibric.ticket (
      lane bytea NOT NULL,
      worker uuid NOT NULL,
      number bigint GENERATED ALWAYS AS IDENTITY,
      called_at timestamptz,
      PRIMARY KEY (lane, worker)
    )`
  yield* sql`
    COMMENT ON TABLE fibric.ticket IS
      'Workers that wait for a lane, in the order of their numbers. A place is void when its worker is not alive.'`
  yield* sql`
    CREATE TABLE fibric.waiting (
      id uuid PRIMARY KEY,
      worker uuid NOT NULL,
      inside bytea NOT NULL,
      awaits bytea NOT NULL
    )`
  yield* sql`CREATE INDEX waiting_inside ON fibric.waiting (inside)`
  yield* sql`
    COMMENT ON TABLE fibric.waiting IS
      'Which lane waits for which, while an action in the one has asked for an action of the other.'`
  yield* previousVersion
})

const previousVersion = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE FUNCTION fibric.clear_for_version_3() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      NEW.bound_token := NEW.token;
      NEW.passed_doubt := false;
      NEW.state_of := NULL;
      NEW.state_version := NULL;
      NEW.state_shape := NULL;
      NEW.state_json := NULL;
      NEW.root_hash := NULL;
      NEW.root_token := NULL;
      RETURN NEW;
    END
    $$`
  yield* sql`
    CREATE TRIGGER clear_for_version_3 BEFORE UPDATE ON fibric.ledger
    FOR EACH ROW WHEN (NEW.token <> OLD.token AND NEW.bound_token IS NOT DISTINCT FROM OLD.bound_token)
    EXECUTE FUNCTION fibric.clear_for_version_3()`
})

/** Indexes of this step. They are made while others write, so outside of the step's transaction. */
export const lanesIndexes = {
  // Who holds an entity's lane: one, in flight or in doubt. What passed a doubt stands beside it.
  ledger_lane_held: `CREATE UNIQUE INDEX CONCURRENTLY ledger_lane_held ON fibric.ledger (entity_hash)
    WHERE NOT passed_doubt AND (state = 'performing' OR (state = 'in_doubt' AND doubt_holds_lane))`,
  ledger_passed: `CREATE INDEX CONCURRENTLY ledger_passed ON fibric.ledger (entity_hash)
    WHERE passed_doubt AND state IN ('performing', 'in_doubt')`,
  ledger_steps: `CREATE INDEX CONCURRENTLY ledger_steps ON fibric.ledger (root_hash)
    WHERE root_hash IS NOT NULL AND state IN ('performing', 'in_doubt')`
} as const

/** What the indexes above replace: dropped once all of them are there. */
export const lanesReplaced = ["ledger_lane"] as const
