/**
 * PgSeals: the chain of seals in Postgres.
 *
 * Sealing is a function of the database's, in its owner's name. Verifying trusts no function of the
 * schema: it computes every digest with the server's own means, from the rows as they are.
 */
import { type PgClient } from "@effect/sql-pg"
import { Effect, Layer, Schema } from "effect"
import type { Finding, Head, Verification } from "../domain/Seal.ts"
import { Seals } from "../kernel/Seals.ts"
import { LedgerClient } from "./LedgerClient.ts"
import { rangeDigests, sealHash } from "./migrations/receipt-digest.ts"
import { decoded } from "./statements.ts"

type Sql = PgClient.PgClient

/** How many seals are verified by one statement. */
const sealsAtOnce = 10

export const layer: Layer.Layer<Seals, never, LedgerClient> = Layer.effect(
  Seals,
  Effect.map(LedgerClient, ({ confirmed, sql }) =>
    Seals.of({
      maySeal: Effect.suspend(() =>
        confirmed("ask for the right to seal", mayCall(sql, "fibric.seal(double precision, integer)"))
      ),
      sealNext: Effect.fn("Seals.sealNext")((afterMillis, most) =>
        confirmed("seal", sealNext(sql, afterMillis, most))
      ),
      head: Effect.suspend(() =>
        confirmed(
          "read the head",
          Effect.map(end(sql), ({ head }) => head)
        )
      ),
      verify: Effect.fn("Seals.verify")(function* (exported) {
        const findings: Array<Finding> = []
        const { head: noted, genesis } = yield* confirmed("read the head", end(sql))
        const sums = { seals: 0, rows: 0, receipts: 0 }
        let last = { number: 0, hash: genesis }
        let matches = exported === undefined || exported.number !== 0 || exported.hash === genesis
        while (true) {
          const seals = yield* confirmed("verify", sealsAfter(sql, last.number))
          for (const seal of seals) {
            for (let number = last.number + 1; number < seal.number; number++) {
              findings.push({ _tag: "seal_missing", number })
            }
            findings.push(...findingsOf(seal))
            if (seal.number === exported?.number) matches = seal.hash === exported.hash
            last = { number: seal.number, hash: seal.hash }
            sums.seals += 1
            sums.rows += seal.found_rows
            sums.receipts += seal.found_receipts
          }
          if (seals.length < sealsAtOnce) break
        }
        if (noted.number > last.number || (noted.number === last.number && noted.hash !== last.hash)) {
          findings.push({ _tag: "end_differs", noted: noted.number, found: last.number })
        }
        if (exported !== undefined) findings.push(...compared(exported, noted.chain, last.number, matches))
        return {
          ...sums,
          head: { ...noted, number: last.number, hash: last.hash },
          unsealed: yield* confirmed("count what is not sealed", unsealed(sql)),
          tail: exported === undefined ? "unchecked" : "checked",
          findings
        } satisfies Verification
      })
    })
  )
)

/** Whether this role may call a function of the schema. */
export const mayCall = (sql: Sql, signature: string) =>
  Effect.map(
    sql<{ may: boolean }>`SELECT has_function_privilege(${signature}::text, 'EXECUTE') AS may`,
    ([row]) => row?.may === true
  )

const SealedRow = Schema.Struct({
  number: Schema.Int,
  rows: Schema.Int,
  receipts: Schema.Int,
  folded: Schema.Int
})

const decodeSealed = Schema.decodeUnknownEffect(Schema.Array(SealedRow))

const sealNext = (sql: Sql, afterMillis: number, most: number) =>
  sql`
    SELECT number::float8 AS number, rows::float8 AS rows, receipts::float8 AS receipts, folded::float8 AS folded
    FROM fibric.seal(${afterMillis}::float8, ${most}::int)`.pipe(
    Effect.flatMap(decodeSealed),
    Effect.map(([sealed]) => sealed),
    decoded
  )

const EndRow = Schema.Struct({
  chain: Schema.String,
  number: Schema.Int,
  hash: Schema.String,
  genesis: Schema.String
})

const decodeEnd = Schema.decodeUnknownEffect(Schema.Tuple([EndRow]))

const genesis = "sha256(convert_to('fibric/chain/1:' || chain, 'UTF8'))"

/** The chain's end as the ledger notes it, and what its first seal is over. */
const end = (sql: Sql) =>
  sql`
    SELECT chain, number::float8 AS number, encode(hash, 'hex') AS hash, encode(${sql.literal(genesis)}, 'hex') AS genesis
    FROM fibric.sealing`.pipe(
    Effect.flatMap(decodeEnd),
    Effect.map(([{ chain, genesis, hash, number }]) => ({
      head: { chain, number, hash } satisfies Head,
      genesis
    })),
    decoded
  )

const CheckedRow = Schema.Struct({
  number: Schema.Int,
  hash: Schema.String,
  first_at: Schema.Date,
  last_at: Schema.Date,
  rows: Schema.Int,
  receipts: Schema.Int,
  found_rows: Schema.Int,
  found_receipts: Schema.Int,
  found_hash: Schema.NullOr(Schema.String)
})

const decodeChecked = Schema.decodeUnknownEffect(Schema.Array(CheckedRow))

/** The next seals, each with what its range comes to now. Where the one before is missing it has no hash. */
const sealsAfter = (sql: Sql, number: number) => {
  const hash = sealHash({
    previous: "previous.hash",
    number: "seal.number",
    upTo: "seal.up_to",
    rows: "found.rows",
    receipts: "found.receipts",
    digests: "found.digests"
  })
  return sql`
    SELECT seal.number::float8 AS number, encode(seal.hash, 'hex') AS hash, seal.first_at, seal.last_at,
      seal.rows::float8 AS rows, seal.receipts::float8 AS receipts, found.rows::float8 AS found_rows,
      found.receipts::float8 AS found_receipts, encode(${sql.literal(hash)}, 'hex') AS found_hash
    FROM (
      SELECT * FROM fibric.seal WHERE number > ${number}::bigint ORDER BY number LIMIT ${sealsAtOnce}::int
    ) AS seal
    LEFT JOIN LATERAL (
      SELECT hash, up_to FROM fibric.seal AS before WHERE before.number = seal.number - 1
      UNION ALL SELECT ${sql.literal(genesis)}, '0'::xid8 FROM fibric.sealing WHERE seal.number = 1
    ) AS previous ON true
    CROSS JOIN LATERAL (
      SELECT count(*) AS rows, COALESCE(sum(count), 0)::bigint AS receipts, ${sql.literal(rangeDigests)} AS digests
      FROM fibric.receipt_log WHERE transaction > previous.up_to AND transaction <= seal.up_to
    ) AS found
    ORDER BY seal.number`.pipe(Effect.flatMap(decodeChecked), decoded)
}

const findingsOf = (seal: typeof CheckedRow.Type): ReadonlyArray<Finding> => {
  // The seal before is missing, which is told of by itself: nothing can be said about this range.
  if (seal.found_hash === null) return []
  const range = {
    number: seal.number,
    from: seal.first_at.toISOString(),
    to: seal.last_at.toISOString(),
    sealed: seal.rows,
    found: seal.found_rows
  }
  if (seal.found_rows < seal.rows) return [{ _tag: "receipts_missing", ...range }]
  if (seal.found_rows > seal.rows) return [{ _tag: "receipts_added", ...range }]
  const holds = seal.found_hash === seal.hash && seal.found_receipts === seal.receipts
  return holds ? [] : [{ _tag: "receipts_changed", ...range }]
}

const compared = (
  exported: Head,
  chain: string,
  lastNumber: number,
  matches: boolean
): ReadonlyArray<Finding> => {
  if (exported.chain !== chain) return [{ _tag: "other_chain", expected: exported.chain, found: chain }]
  if (exported.number > lastNumber) {
    return [{ _tag: "tail_missing", number: exported.number, found: lastNumber }]
  }
  return matches ? [] : [{ _tag: "rewritten", number: exported.number, found: lastNumber }]
}

const unsealed = (sql: Sql) =>
  Effect.map(
    sql<{ rows: number }>`
      SELECT count(*)::float8 AS rows FROM fibric.receipt_log
      WHERE transaction > (SELECT up_to FROM fibric.sealing)`,
    ([row]) => row?.rows ?? 0
  )
