/**
 * Step 12: functions that write proposals, in their owner's name, so that whoever proposes needs no right on
 * any table. `fibric.propose` is public: for a transaction of any language. `fibric.write_proposals` is what
 * fibric's own code calls, which has checked more than the database can.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** The largest payload that `fibric.propose` takes, in bytes of its JSON, and how many may wait for an entity. */
const maxPayloadBytes = 262_144
const capacity = 10_000

export const proposing = Effect.gen(function* () {
  yield* write
  yield* propose
})

/**
 * All or none, in the order given. Answers with the position of each; or, where an entity would have more
 * waiting than it may, with one row that has no position and says which of those given was the one too many.
 * Nothing was written then, and the transaction goes on. Counted no further than to the capacity.
 */
const write = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE FUNCTION fibric.write_proposals(
      capabilities text[], entity_types text[], entity_ids text[], payloads text[], versions integer[],
      operators text[], dues timestamptz[], capacity integer
    ) RETURNS TABLE (place bigint, over_at integer) LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    #variable_conflict use_column
    DECLARE
      too_many integer;
    BEGIN
      SELECT given.last INTO too_many
      FROM (
        SELECT one.entity_type, one.entity_id, count(*) AS more, max(one.number)::integer AS last
        FROM unnest(entity_types, entity_ids) WITH ORDINALITY AS one (entity_type, entity_id, number)
        GROUP BY one.entity_type, one.entity_id
      ) AS given
      WHERE given.more + (
        SELECT count(*) FROM (
          SELECT FROM fibric.proposal AS waiting
          WHERE waiting.entity_type = given.entity_type AND waiting.entity_id = given.entity_id
            AND waiting.state = 'waiting'
          LIMIT write_proposals.capacity
        ) AS counted
      ) > write_proposals.capacity
      ORDER BY given.last LIMIT 1;
      IF too_many IS NOT NULL THEN
        RETURN QUERY SELECT NULL::bigint, too_many;
        RETURN;
      END IF;
      RETURN QUERY
        INSERT INTO fibric.proposal AS written
          (capability, entity_type, entity_id, payload, decided_at, operator, due_at)
        SELECT one.capability, one.entity_type, one.entity_id, one.payload::json, one.version, one.operator,
          COALESCE(one.due, clock_timestamp())
        FROM unnest(capabilities, entity_types, entity_ids, payloads, versions, operators, dues)
          WITH ORDINALITY AS one (capability, entity_type, entity_id, payload, version, operator, due, number)
        ORDER BY one.number
        RETURNING written.position, NULL::integer;
    END
    $$`
  yield* sql`
    COMMENT ON FUNCTION fibric.write_proposals IS
      'Writes checked proposals, all or none; for fibric itself. Others call fibric.propose'`
  yield* sql`REVOKE ALL ON FUNCTION fibric.write_proposals FROM PUBLIC`
})

/** Refuses what could never be delivered because of its names. Whether the payload fits is seen at delivery. */
const propose = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE FUNCTION fibric.propose(
      capability text, entity_type text, entity_id text, payload jsonb,
      operator text DEFAULT session_user::text, due_at timestamptz DEFAULT NULL
    ) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      part record;
      units integer;
      written record;
    BEGIN
      FOR part IN
        SELECT * FROM (VALUES
          ('capability', propose.capability, 64), ('entity_type', propose.entity_type, 64),
          ('entity_id', propose.entity_id, 256), ('operator', propose.operator, 128)
        ) AS given (name, value, most)
      LOOP
        IF part.value IS NULL OR part.value = '' THEN
          RAISE EXCEPTION 'Nothing was proposed: % is empty', part.name USING
            ERRCODE = 'invalid_parameter_value', HINT = 'Name the capability, the entity and who proposes.';
        END IF;
        -- As the kernel counts: what lies beyond the basic plane is two.
        units := length(part.value) + length(regexp_replace(part.value, '[\\u0001-\\uFFFF]', '', 'g'));
        IF units > part.most THEN
          RAISE EXCEPTION 'Nothing was proposed: % has % characters, more than %', part.name, units, part.most USING
            ERRCODE = 'invalid_parameter_value', HINT = 'A name is never cut: shorten it.';
        END IF;
      END LOOP;
      IF propose.payload IS NULL THEN
        RAISE EXCEPTION 'Nothing was proposed: payload is NULL' USING
          ERRCODE = 'invalid_parameter_value', HINT = 'Give what the capability declares, as JSON; {} where it is empty.';
      END IF;
      IF octet_length(propose.payload::text) > ${sql.literal(String(maxPayloadBytes))} THEN
        RAISE EXCEPTION 'Nothing was proposed: payload has % bytes as JSON, more than ${sql.literal(String(maxPayloadBytes))}',
          octet_length(propose.payload::text) USING ERRCODE = 'invalid_parameter_value';
      END IF;
      SELECT * INTO written FROM fibric.write_proposals(
        ARRAY[propose.capability], ARRAY[propose.entity_type], ARRAY[propose.entity_id],
        ARRAY[propose.payload::text], ARRAY[NULL::integer], ARRAY[propose.operator], ARRAY[propose.due_at],
        ${sql.literal(String(capacity))}
      );
      IF written.place IS NULL THEN
        RAISE EXCEPTION 'Nothing was proposed: ${sql.literal(String(capacity))} actions of %-% wait in the outbox already',
          propose.entity_type, propose.entity_id USING ERRCODE = 'configuration_limit_exceeded',
          HINT = 'Look at fibric.outbox for what holds the first of them, or propose again later.';
      END IF;
      RETURN written.place;
    END
    $$`
  yield* sql`
    COMMENT ON FUNCTION fibric.propose IS
      'Proposes an action in the current transaction: it is delivered if and only if that commits, not before due_at. Answers with its position in the outbox'`
  yield* sql`REVOKE ALL ON FUNCTION fibric.propose FROM PUBLIC`
})
