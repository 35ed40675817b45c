/**
 * Bugs of the ledger on Postgres and around it that a stranger thought of and that the tests of their day let
 * pass: what lands between a look and a write, what shares a statement, and what is told to whom.
 */
import type { Mutant } from "./list.ts"

export const ledgerMutants: ReadonlyArray<Mutant> = [
  {
    name: "a copy that lands while it is looked for is not found",
    edits: [
      {
        file: "src/postgres/settle.ts",
        find: '      const row = yield* see(sql, key, askedAbout(event))\n      // Looked for after the row: had the first copy landed in between, the row has moved on.\n      const [before] = yield* Effect.flatMap(receiptsById(sql, [receiptId]), readReceipts)\n      if (before !== undefined) return ended({ _tag: "Settled", receipt: before })\n',
        replace:
          '      const [before] = yield* Effect.flatMap(receiptsById(sql, [receiptId]), readReceipts)\n      if (before !== undefined) return ended({ _tag: "Settled", receipt: before })\n      const row = yield* see(sql, key, askedAbout(event))\n'
      }
    ],
    caughtBy: ["test/postgres/between.test.ts"],
    named: "its first copy"
  },
  {
    name: "what is folded between the page and the look for it leaves receipts out",
    edits: [
      {
        file: "src/postgres/PgReceiptLog.ts",
        find: '        const read = yield* confirmed("query", Receipts.page(sql, filter, order, most + 1, past))\n        if (past !== undefined) yield* whole(past, filter, order)\n',
        replace:
          '        if (past !== undefined) yield* whole(past, filter, order)\n        const read = yield* confirmed("query", Receipts.page(sql, filter, order, most + 1, past))\n'
      }
    ],
    caughtBy: ["test/postgres/reading.test.ts"],
    named: "between the page and the look"
  },
  {
    name: "what changes nothing but what is known is written on whatever row there is by then",
    edits: [
      {
        file: "src/postgres/settle.ts",
        find: "    WHERE key_hash = ${key.hash}::bytea AND revision = ${row.revision}::int\n    RETURNING key_hash",
        replace: "    WHERE key_hash = ${key.hash}::bytea\n    RETURNING key_hash"
      }
    ],
    caughtBy: ["test/postgres/between.test.ts"],
    named: "decided anew"
  },
  {
    name: "a batch changes the states of what was refused, too",
    edits: [
      {
        file: "src/postgres/consequences.ts",
        find: "      FROM moved WHERE entity.entity_hash = moved.state_of AND moved.state = 'done'`",
        replace: "      FROM moved WHERE entity.entity_hash = moved.state_of`"
      }
    ],
    caughtBy: ["test/postgres/batches.test.ts"],
    named: "and of nothing else"
  },
  {
    name: "calling calls over waits for rows that somebody holds",
    edits: [
      {
        file: "src/postgres/statements.ts",
        find: "    SELECT key_hash FROM fibric.ledger WHERE call_open AND doubt_at <= clock_timestamp()\n    ORDER BY entity_hash, key_hash FOR UPDATE SKIP LOCKED\n",
        replace:
          "    SELECT key_hash FROM fibric.ledger WHERE call_open AND doubt_at <= clock_timestamp()\n    ORDER BY entity_hash, key_hash FOR UPDATE\n"
      }
    ],
    caughtBy: ["test/postgres/between.test.ts"],
    named: "keeps the reaper from no other"
  },
  {
    name: "repeats of different receipts are one row",
    edits: [
      {
        file: "src/kernel/Recorder.ts",
        find: "const nameOf = ({ key, operator, outcome, reason, refersTo }: Unrecorded): string => {",
        replace: "const nameOf = ({ key, operator, outcome, reason }: Unrecorded): string => {"
      },
      {
        file: "src/kernel/Recorder.ts",
        find: "  return `${hex(key.hash)} ${outcome} ${refersTo} ${asked}`",
        replace: "  return `${hex(key.hash)} ${outcome} ${asked}`"
      }
    ],
    caughtBy: ["test/kernel/Recorder.test.ts"],
    named: "the same receipt"
  },
  {
    name: "a settlement among many is written on a row that moved while it waited",
    edits: [
      {
        file: "src/postgres/settlements.ts",
        find: "          AND (ending.state <> 'done' OR ledger.state_of IS NOT DISTINCT FROM ending.changes)\n        FOR UPDATE\n",
        replace:
          "          AND (ending.state <> 'done' OR ledger.state_of IS NOT DISTINCT FROM ending.changes)\n"
      }
    ],
    caughtBy: ["test/postgres/between.test.ts"],
    named: "has moved while it waited"
  },
  {
    name: "the receipt of a key under way again is the old attempt's",
    edits: [
      {
        file: "src/kernel/Executor.ts",
        find: 'entry === undefined || entry.state === "performing" ? null : entry.receipt',
        replace: "entry === undefined ? null : entry.receipt"
      }
    ],
    caughtBy: ["test/kernel/callers.test.ts"],
    named: "under way again"
  },
  {
    name: "over the cluster, what is asked for inside a transaction is performed",
    edits: [
      {
        file: "src/cluster/ClusterExecutor.ts",
        find: "      yield* Caller.notInsideTransaction(ask)\n",
        replace: ""
      }
    ],
    caughtBy: ["test/cluster/cluster.test.ts"],
    named: "inside an open transaction"
  },
  {
    name: "a lookup that gives no answer goes on for ever",
    edits: [
      {
        file: "src/kernel/Dispatch.ts",
        find: "      if (exit === undefined) {\n        call.interruptUnsafe()\n        return yield* Effect.fail(",
        replace: "      if (exit === undefined) {\n        return yield* Effect.fail("
      }
    ],
    caughtBy: ["test/kernel/Recoverer.test.ts"],
    named: "no answer within the deadline"
  },
  {
    name: "who asks about a doubt is told when it was to be looked at first",
    edits: [
      {
        file: "src/kernel/Conclusion.ts",
        find: "    checkAfter: entry.checkAfter\n",
        replace: "    checkAfter: receipt.checkAfter\n"
      }
    ],
    caughtBy: ["test/kernel/Recoverer.test.ts"],
    named: "proves nothing, however often"
  },
  {
    name: "over the cluster, version 0 is no version to have decided against",
    edits: [
      {
        file: "src/cluster/Message.ts",
        find: "  decidedAt: decidedAt ?? null,",
        replace: "  decidedAt: decidedAt || null,"
      }
    ],
    caughtBy: ["test/cluster/cluster.test.ts"],
    named: "hosted, and its state"
  },
  {
    name: "an attempt that the ledger forgot is made again",
    edits: [
      {
        file: "src/kernel/Dispatch.ts",
        find: '    if (applied._tag === "Refused" && (applied.why === "unknown_key" || applied.why === "unknown_token")) {',
        replace: '    if (applied._tag === "Refused" && applied.why === "unknown_key") {'
      }
    ],
    caughtBy: ["test/kernel/losses.test.ts"],
    named: "its last attempt"
  },
  {
    name: "whoever gives up an attempt takes the recovery of a later one",
    edits: [
      {
        file: "src/postgres/doubts.ts",
        find: "state = 'in_doubt' AND attempt = ${attempt}::int",
        replace: "state = 'in_doubt' AND attempt >= ${attempt}::int"
      }
    ],
    caughtBy: ["test/contracts/doubt-postgres.test.ts"],
    named: "no later attempt's doubt"
  },
  {
    name: "a fenced transaction runs under the row of a new attempt",
    edits: [
      {
        file: "src/postgres/transact.ts",
        find: "WHERE key_hash = ${key.hash}::bytea AND token = ${token}::uuid AND state = 'performing'\n      FOR UPDATE",
        replace: "WHERE key_hash = ${key.hash}::bytea AND state = 'performing'\n      FOR UPDATE"
      }
    ],
    caughtBy: ["test/contracts/doubt-postgres.test.ts"],
    named: "beside a new attempt either"
  },
  {
    name: "a dead owner of a folder is forgotten before its server is stopped",
    edits: [
      {
        file: "src/host/EmbeddedPostgres.ts",
        find: "  const pid = yield* Orphan.settle(folder, dead).pipe(",
        replace:
          "  yield* TemporaryFolder.forget(folder, account, dead)\n  const pid = yield* Orphan.settle(folder, dead).pipe("
      },
      {
        file: "src/host/EmbeddedPostgres.ts",
        find: "  yield* TemporaryFolder.forget(folder, account, dead)\n  return { url",
        replace: "  return { url"
      }
    ],
    caughtBy: ["test/host/EmbeddedPostgres.test.ts"],
    named: "until that run's server is stopped"
  },
  {
    name: "a tail that is cut off does not tell where to go on",
    edits: [
      {
        file: "src/surface/cli/ReceiptsTail.ts",
        find: "      Effect.ensuring(",
        replace: "      Effect.andThen("
      }
    ],
    caughtBy: ["test/surface/receipts.test.ts"],
    named: "all the same"
  }
]
