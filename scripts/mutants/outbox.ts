/**
 * The mutants of the outbox: of what is there, of the order, of who may say how it ended, and of what is buried.
 */
import type { Mutant } from "./list.ts"

const deliveries = "src/postgres/deliveries.ts"
const contract = "test/contracts/outbox-postgres.test.ts"
const postgres = "test/postgres/outbox.test.ts"
const operator = "test/operator/deliveries.test.ts"

export const outboxMutants: ReadonlyArray<Mutant> = [
  {
    name: "a proposal is delivered before its transaction has committed",
    edits: [
      {
        file: "src/postgres/propose.ts",
        find: "  return yield* writeOne(yield* SqlClient.SqlClient, proposal, due, bounds.outboxCapacity)",
        replace: `  const sql = yield* SqlClient.SqlClient
  return yield* Effect.updateContext(
    writeOne(sql, proposal, due, bounds.outboxCapacity),
    Context.omit(sql.transactionService)
  )`
      },
      {
        file: "src/postgres/propose.ts",
        find: "import { type DateTime, Duration, Effect }",
        replace: "import { Context, type DateTime, Duration, Effect }"
      }
    ],
    caughtBy: [postgres],
    named: "what is rolled back was never proposed"
  },
  {
    name: "an entity's rows are delivered in any order",
    edits: [
      {
        file: deliveries,
        find: "        ORDER BY due.position LIMIT 1",
        replace: "        ORDER BY due.payload::text DESC LIMIT 1"
      }
    ],
    caughtBy: [contract]
  },
  {
    name: "the next row of an entity goes before one whose deliverer died",
    edits: [
      {
        file: deliveries,
        find: "CASE WHEN locked.begun THEN due.position = locked.head ELSE",
        replace: "CASE WHEN locked.begun THEN due.position > locked.head ELSE"
      }
    ],
    caughtBy: [contract]
  },
  {
    name: "a row that somebody just looks at lets the next one of its entity go first",
    edits: [
      {
        file: deliveries,
        find: "          AND due.state = 'waiting'\n          AND CASE",
        replace: "          AND due.state = 'waiting' AND NOT due.fresh\n          AND CASE"
      }
    ],
    caughtBy: [postgres],
    named: "holds while somebody else looks"
  },
  {
    name: "a delivery ends under an old token",
    edits: [
      { file: deliveries, find: "WHERE lane.begun AND lane.token = said.token", replace: "WHERE lane.begun" }
    ],
    caughtBy: [contract]
  },
  {
    name: "a doubt is buried",
    edits: [
      {
        file: "src/operator/Ending.ts",
        find: "if (isDoubt(error)) return Effect.succeed(waiting(error, nowMillis, bounds))",
        replace: "if (isDoubt(error)) return Effect.succeed(failed(taken, bounds, error.message))"
      }
    ],
    caughtBy: [operator]
  },
  {
    name: "a delivery that goes on loses its row",
    edits: [
      {
        file: "src/operator/Deliveries.ts",
        find: "Effect.raceFirst(execute(taken, action.success), renewing(taken))",
        replace: "execute(taken, action.success)"
      }
    ],
    caughtBy: [operator]
  },
  {
    name: "an entity stays left to others after a row that goes before theirs has come",
    edits: [
      {
        file: deliveries,
        find: ", capability = ''\n        WHERE NOT lane.begun",
        replace: "\n        WHERE NOT lane.begun"
      }
    ],
    caughtBy: [contract],
    named: "goes before what others carry out"
  },
  {
    name: "a delivery that goes on is renewed no more once a renewal has failed",
    edits: [
      {
        file: "src/operator/Deliveries.ts",
        find: "        Effect.ignore,\n        Effect.delay(renewMillis),\n        Effect.forever\n",
        replace:
          "        Effect.delay(renewMillis),\n        Effect.forever,\n        Effect.ignore,\n        Effect.andThen(Effect.never)\n"
      }
    ],
    caughtBy: [operator],
    named: "away for one renewal"
  },
  {
    name: "a row that is not due puts those to sleep that are",
    edits: [
      {
        file: deliveries,
        find: "SET next_at = LEAST(lane.next_at, EXCLUDED.next_at)",
        replace: "SET next_at = EXCLUDED.next_at"
      }
    ],
    caughtBy: [contract],
    named: "after somebody else had looked"
  },
  {
    name: "dead letters come in the order of their positions' digits",
    edits: [
      {
        file: "src/postgres/backlog.ts",
        find: "ORDER BY fibric.proposal.position LIMIT",
        replace: "ORDER BY position LIMIT"
      }
    ],
    caughtBy: [postgres],
    named: "come in the order of their positions"
  },
  {
    name: "an operator and a source share a cursor with others whose names join to the same text",
    edits: [
      {
        file: "src/kernel/OutboxMemory.ts",
        find: "const cursorName = (operator: string, source: string): string => JSON.stringify([operator, source])",
        replace: "const cursorName = (operator: string, source: string): string => `${operator}:${source}`"
      }
    ],
    caughtBy: ["test/contracts/outbox-memory.test.ts"],
    named: "whatever characters their names have"
  }
]
