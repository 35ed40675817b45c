/**
 * The mutants of receipts: of folding, sealing, reading, purging, of roles and of secrets.
 */
import type { Mutant } from "./list.ts"

const seals = "test/postgres/seals.test.ts"
const reading = "test/postgres/reading.test.ts"
const retention = "test/postgres/retention.test.ts"
const roles = "test/postgres/roles.test.ts"
const canary = "test/secrecy/canary.test.ts"
const postgres = "test/contracts/ledger-postgres.test.ts"
const recorder = "test/kernel/Recorder.test.ts"

const sealing = "src/postgres/migrations/0009-seals.ts"
const digest = "src/postgres/migrations/receipt-digest.ts"
const repeats = "src/postgres/repeats.ts"
const receipts = "src/postgres/receipts.ts"

export const receiptMutants: ReadonlyArray<Mutant> = [
  {
    name: "a batch that comes again counts again",
    edits: [
      {
        file: repeats,
        find: "ON CONFLICT DO NOTHING\n      RETURNING 1",
        replace: "ON CONFLICT (id) DO UPDATE SET not_after = EXCLUDED.not_after\n      RETURNING 1"
      }
    ],
    caughtBy: [seals],
    named: "comes again after it was folded"
  },
  {
    name: "a batch whose time is over is written",
    edits: [{ file: repeats, find: "WHERE clock_timestamp() < not_after", replace: "WHERE true" }],
    caughtBy: [postgres],
    named: "whose time is over"
  },
  {
    name: "alike repeats of a batch are folded to one request",
    edits: [
      {
        file: "src/kernel/Recorder.ts",
        find: "{ ...before, count: before.count + repeat.count }",
        replace: "before"
      }
    ],
    caughtBy: [recorder]
  },
  {
    name: "who waits for a batch is told before it is written",
    edits: [
      {
        file: "src/kernel/Batching.ts",
        find: "if (!isRunning) {",
        replace: "if (isRunning) told(Exit.succeed(undefined as B))\n    else {"
      }
    ],
    caughtBy: [recorder]
  },
  {
    name: "a batch is made anew for every try",
    edits: [
      {
        file: "src/kernel/Recorder.ts",
        find: "yield* retried(ledger.record(batch), recordRetry)",
        replace:
          "yield* Effect.retry(Effect.flatMap(Effect.all([Identifiers.ordered, Effect.forEach(batch.repeats, (repeat) => Effect.map(Identifiers.ordered, (receiptId) => ({ ...repeat, receiptId })))]), ([id, repeats]) => ledger.record({ ...batch, id, repeats })), recordRetry)"
      }
    ],
    caughtBy: [recorder]
  },
  {
    name: "folding keeps the largest count and not the sum",
    edits: [{ file: sealing, find: "sum(count) AS total", replace: "max(count) AS total" }],
    caughtBy: [seals]
  },
  {
    name: "folding mixes what different operators asked",
    edits: [
      {
        file: sealing,
        find: "GROUP BY key_hash, outcome, operator, attempt, refers_to, reason, durability",
        replace: "GROUP BY key_hash, outcome, attempt, refers_to, reason, durability"
      }
    ],
    caughtBy: [seals],
    named: "folds only what is alike"
  },
  {
    name: "a seal is made above the oldest running transaction",
    edits: [
      {
        file: sealing,
        find: "WHERE transaction > head.up_to AND transaction < horizon",
        replace: "WHERE transaction > head.up_to"
      }
    ],
    caughtBy: [seals],
    named: "below a transaction that is still open"
  },
  {
    name: "two seal at once",
    edits: [
      { file: sealing, find: "FROM fibric.sealing FOR UPDATE SKIP LOCKED", replace: "FROM fibric.sealing" }
    ],
    caughtBy: [seals],
    named: "one at a time"
  },
  {
    name: "a seal does not cover bodies",
    edits: [
      {
        file: digest,
        find: "  \"encode(CASE WHEN body IS NULL THEN body_digest ELSE sha256(convert_to(body, 'UTF8')) END, 'hex')\",\n",
        replace: ""
      }
    ],
    caughtBy: [seals],
    named: "flipped byte"
  },
  {
    name: "a seal does not cover the place of a receipt",
    edits: [{ file: digest, find: '  "transaction::text",\n', replace: "" }],
    caughtBy: [seals],
    named: "exchanged their places"
  },
  {
    name: "a seal is not over the one before",
    edits: [
      { file: digest, find: "|| ${parts.previous} || convert_to(':' ||", replace: "|| convert_to(':' ||" }
    ],
    caughtBy: [seals],
    named: "grown again"
  },
  {
    name: "a head is not compared",
    edits: [
      {
        file: "src/postgres/PgSeals.ts",
        find: "if (exported !== undefined) findings.push(...compared(exported, noted.chain, last.number, matches))",
        replace: "void compared"
      }
    ],
    caughtBy: [seals],
    named: "exported head"
  },
  {
    name: "the stream reads above the oldest running transaction",
    edits: [
      {
        file: receipts,
        find: "      sql`transaction < pg_snapshot_xmin(pg_current_snapshot())`,\n",
        replace: ""
      }
    ],
    caughtBy: [reading],
    named: "is shown late and not skipped"
  },
  {
    name: "receipts are ordered by the digits of their transactions",
    edits: [
      {
        file: receipts,
        find: "ORDER BY transaction ${sql.literal(order)}, id ${sql.literal(order)} LIMIT",
        replace: "ORDER BY transaction::text ${sql.literal(order)}, id ${sql.literal(order)} LIMIT"
      }
    ],
    caughtBy: [reading],
    named: "another digit"
  },
  {
    name: "pages show what came after the first one",
    edits: [
      {
        file: receipts,
        find: "const asOf = sql`pg_visible_in_snapshot(transaction, ${past.snapshot}::text::pg_snapshot)`",
        replace: "const asOf = sql`true`"
      }
    ],
    caughtBy: ["test/contracts/receipts-postgres.test.ts"],
    named: "though others are written meanwhile"
  },
  {
    name: "nobody hears that repeats around a cursor were folded",
    edits: [{ file: receipts, find: "(rows) => rows.length > 0\n  )\n}", replace: "() => false\n  )\n}" }],
    caughtBy: [reading],
    named: "seen a part of it"
  },
  {
    name: "a purge takes what a key in doubt needs",
    edits: [
      {
        file: sealing,
        find: "WHERE open.key_hash = receipt.key_hash AND open.state IN ('performing', 'in_doubt')",
        replace: "WHERE open.key_hash = receipt.key_hash AND open.state IN ('performing')"
      }
    ],
    caughtBy: [retention],
    named: "key in doubt"
  },
  {
    name: "a purge forgets the digest of what it empties",
    edits: [
      {
        file: sealing,
        find: "SET body = NULL, body_digest = sha256(convert_to(body, 'UTF8'))",
        replace: "SET body = NULL"
      }
    ],
    caughtBy: [seals],
    named: "bodies were purged"
  },
  {
    name: "everybody may purge",
    edits: [
      { file: sealing, find: "REVOKE ALL ON FUNCTION fibric.purge_bodies FROM PUBLIC", replace: "SELECT 1" }
    ],
    caughtBy: [roles]
  },
  {
    name: "the runtime may delete receipts",
    edits: [
      {
        file: "src/postgres/PgRoles.ts",
        find: `receipt_log: ["SELECT", "INSERT"],`,
        replace: `receipt_log: ["SELECT", "INSERT", "UPDATE", "DELETE"],`
      }
    ],
    caughtBy: [roles],
    named: "can't touch a receipt"
  },
  {
    name: "a month that nobody made loses what comes",
    edits: [
      {
        file: "src/postgres/migrations/0008-receipt-months.ts",
        find: "CREATE TABLE fibric.receipt_log_default PARTITION OF fibric.receipt_log DEFAULT",
        replace: "CREATE TABLE fibric.receipt_log_default (LIKE fibric.receipt_log)"
      }
    ],
    caughtBy: [retention],
    named: "a month that nobody made"
  },
  {
    name: "what a call came to is told with the secrets in it",
    edits: [
      {
        file: "src/kernel/Secrets.ts",
        find: "if (secrets.length === 0) return evidence",
        replace: "if (secrets.length >= 0) return evidence"
      }
    ],
    caughtBy: [canary]
  },
  {
    name: "a guard's failure is told with the secrets in it",
    edits: [
      {
        file: "src/kernel/Wanted.ts",
        find: "storable(mask(reason, ask.secrets))",
        replace: "storable(reason)"
      }
    ],
    caughtBy: [canary]
  },
  {
    name: "a state keeps the secrets in it",
    edits: [
      {
        file: "src/kernel/Wanted.ts",
        find: "json: mask(becomes.json, ask.secrets)",
        replace: "json: becomes.json"
      }
    ],
    caughtBy: [canary]
  },
  {
    name: "a secret that was cut is left",
    edits: [
      {
        file: "src/domain/Secret.ts",
        find: `if (!text.endsWith("…")) return text`,
        replace: "if (text.length >= 0) return text"
      }
    ],
    caughtBy: [canary]
  },
  {
    name: "a metric has the key in a label",
    edits: [
      {
        file: "src/kernel/ReceiptLog.ts",
        find: "const known = connector === undefined ? Metrics.unknownHere : capability",
        replace: "const known = connector === undefined ? Metrics.unknownHere : `${capability} ${receiptKey}`"
      },
      {
        file: "src/kernel/ReceiptLog.ts",
        find: "{ capability, count, durationMillis, outcome }: Receipt,",
        replace: "{ capability, count, durationMillis, key: receiptKey, outcome }: Receipt,"
      }
    ],
    caughtBy: ["test/kernel/metrics.test.ts"]
  },
  {
    name: "a purge ends at a stretch of receipts without a body",
    edits: [
      {
        file: "src/postgres/PgRetention.ts",
        find: "if (purged === undefined) return sums",
        replace:
          "if (purged === undefined || purged.bodies + purged.requests + purged.pinned === 0) return sums"
      }
    ],
    caughtBy: ["test/postgres/retention.test.ts"],
    named: "behind a flood"
  },
  {
    name: "how many requests a seal says that it stands for is not verified",
    edits: [
      {
        file: "src/postgres/PgSeals.ts",
        find: "const holds = seal.found_hash === seal.hash && seal.found_receipts === seal.receipts",
        replace: "const holds = seal.found_hash === seal.hash"
      }
    ],
    caughtBy: ["test/postgres/seals.test.ts"],
    named: "stands for more requests"
  }
]
