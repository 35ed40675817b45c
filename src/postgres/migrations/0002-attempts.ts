/**
 * Step 2: attempts with evidence each, and what is done for a key in doubt.
 *
 * An expansion: every column is new and has a default, so that workers of the version before go on
 * meanwhile and beside. What they don't know of is kept true by a trigger that fires for their updates
 * alone: they never raise the row's `revision`. A later version, that no such worker can meet, drops it.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const attempts = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    ALTER TABLE fibric.ledger
      ADD COLUMN revision integer NOT NULL DEFAULT 1,
      ADD COLUMN claimed_at timestamptz,
      ADD COLUMN evidence text,
      ADD COLUMN refusal text,
      ADD COLUMN effect_id text,
      ADD COLUMN beside_earlier boolean NOT NULL DEFAULT false,
      ADD COLUMN call_open boolean NOT NULL DEFAULT false,
      ADD COLUMN recovery text NOT NULL DEFAULT '{"_tag":"Hold","quarantineMillis":60000}',
      ADD COLUMN verdict_after_millis double precision NOT NULL DEFAULT 60000,
      ADD COLUMN recover_after_millis double precision,
      ADD COLUMN recover_at timestamptz,
      ADD COLUMN recoveries integer NOT NULL DEFAULT 0,
      ADD COLUMN check_after timestamptz,
      ADD COLUMN request text,
      DROP CONSTRAINT ledger_state_check,
      ADD CONSTRAINT ledger_state_check CHECK (
        state IN ('performing', 'in_doubt', 'released', 'done', 'refused', 'abandoned')
      ) NOT VALID`
  // Set apart, so that rows that are there keep NULL and the table is not written anew.
  yield* sql`ALTER TABLE fibric.ledger ALTER COLUMN claimed_at SET DEFAULT clock_timestamp()`
  yield* sql`
    CREATE TABLE fibric.attempt (
      key_hash bytea NOT NULL,
      attempt integer NOT NULL,
      generation integer NOT NULL,
      token uuid NOT NULL UNIQUE,
      worker uuid NOT NULL,
      operator text NOT NULL,
      claimed_at timestamptz NOT NULL,
      recovery text NOT NULL,
      evidence text,
      refusal text,
      effect_id text,
      PRIMARY KEY (key_hash, attempt)
    )`
  yield* sql`
    COMMENT ON TABLE fibric.attempt IS
      'The earlier attempts of a key, each with its evidence. The current one stands in fibric.ledger.'`
  yield* previousVersion
})

/**
 * What a worker of the version before writes, completed. In its owner's name: that worker's role may
 * have been granted no right on a table that it doesn't know.
 */
const previousVersion = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE FUNCTION fibric.complete_previous_version() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      NEW.revision := OLD.revision + 1;
      IF NEW.token <> OLD.token THEN
        INSERT INTO fibric.attempt (
          key_hash, attempt, generation, token, worker, operator, claimed_at, recovery, evidence, refusal, effect_id
        )
        VALUES (
          OLD.key_hash, OLD.attempt, OLD.generation, OLD.token, OLD.worker, OLD.operator,
          COALESCE(OLD.claimed_at, OLD.since), OLD.recovery, COALESCE(OLD.evidence, 'not_performed'),
          OLD.refusal, OLD.effect_id
        );
        -- The provider's key changes on proof only, never on somebody's word.
        IF EXISTS (
          SELECT 1 FROM fibric.attempt AS earlier
          WHERE earlier.key_hash = OLD.key_hash AND earlier.generation = OLD.generation
            AND (earlier.evidence IS NULL OR earlier.evidence NOT IN ('refused', 'not_performed'))
        ) THEN
          NEW.generation := OLD.generation;
        END IF;
        NEW.claimed_at := clock_timestamp();
        NEW.evidence := NULL;
        NEW.refusal := NULL;
        NEW.effect_id := NULL;
        NEW.beside_earlier := false;
        NEW.call_open := false;
        NEW.recovery := '{"_tag":"Hold","quarantineMillis":60000}';
        NEW.verdict_after_millis := 60000;
        NEW.recover_after_millis := NULL;
        NEW.recover_at := NULL;
        NEW.recoveries := 0;
        NEW.check_after := NULL;
        NEW.request := NULL;
      ELSIF NEW.state = 'in_doubt' THEN
        NEW.recover_at := clock_timestamp() + NEW.recover_after_millis * interval '1 ms';
        NEW.check_after := COALESCE(
          NEW.recover_at, NEW.claimed_at + NEW.verdict_after_millis * interval '1 ms'
        );
      ELSE
        NEW.evidence := CASE NEW.state
          WHEN 'done' THEN 'performed' WHEN 'refused' THEN 'refused' WHEN 'released' THEN 'not_performed'
        END;
        NEW.recover_at := NULL;
        NEW.check_after := NULL;
      END IF;
      RETURN NEW;
    END
    $$`
  yield* sql`
    CREATE TRIGGER complete_previous_version BEFORE UPDATE ON fibric.ledger
    FOR EACH ROW WHEN (NEW.revision = OLD.revision)
    EXECUTE FUNCTION fibric.complete_previous_version()`
})

/** Indexes of this step. They are made while others write, so outside of the step's transaction. */
export const attemptsIndexes = {
  // One call at a time for an entity, also where outside evidence has settled a key whose call still runs.
  ledger_flight: `CREATE UNIQUE INDEX CONCURRENTLY ledger_flight ON fibric.ledger (entity_hash)
    WHERE state = 'performing' OR call_open`,
  ledger_doubt: `CREATE INDEX CONCURRENTLY ledger_doubt ON fibric.ledger (recover_at) WHERE state = 'in_doubt'`
} as const
