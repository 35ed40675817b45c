/**
 * mutants: deliberate bugs of the kernel that this net has to find. A net that finds nothing in them shows
 * nothing when it is silent.
 */
import type { Edit } from "../harness/Scratch.ts"

export interface Mutant {
  readonly name: string
  readonly edits: ReadonlyArray<Edit>
}

export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "a row in doubt is claimed again",
    edits: [
      {
        file: "src/kernel/Executor.ts",
        find: `(joined || progress.dispatched || entry.state !== "released")`,
        replace: `(joined || progress.dispatched || (entry.state !== "released" && entry.state !== "in_doubt"))`
      },
      {
        file: "src/kernel/lifecycle/NextAttempt.ts",
        find: `if (state !== wanted.from || current.attempt !== wanted.seenAttempt) return "exists"`,
        replace: `if ((state !== wanted.from && state !== "in_doubt") || current.attempt !== wanted.seenAttempt) return "exists"`
      }
    ]
  },
  {
    name: "an unknown claim counts as won",
    edits: [
      {
        file: "src/kernel/Claiming.ts",
        find: "confirm(attempt, sentBefore, ledger.claim(claim))",
        replace: `confirm(
      attempt,
      sentBefore,
      Effect.catch(ledger.claim(claim), () =>
        Effect.succeed<ClaimVerdict>({ _tag: "Claimed", attempt: attempt.seenAttempt + 1, generation: 0 })
      )
    )`
      }
    ]
  },
  {
    name: "leases free a performing row",
    edits: [
      {
        file: "src/postgres/statements.ts",
        find: "SELECT *, transactional OR in_doubt AS released,",
        replace: "SELECT *, true AS released,"
      }
    ]
  },
  {
    name: "an entity's lane is nobody's",
    edits: [
      {
        file: "src/postgres/migrations/0002-attempts.ts",
        find: "CREATE UNIQUE INDEX CONCURRENTLY ledger_flight ON fibric.ledger (entity_hash)",
        replace: "CREATE UNIQUE INDEX CONCURRENTLY ledger_flight ON fibric.ledger (key_hash)"
      },
      {
        file: "src/postgres/migrations/0004-lanes.ts",
        find: "CREATE UNIQUE INDEX CONCURRENTLY ledger_lane_held ON fibric.ledger (entity_hash)",
        replace: "CREATE UNIQUE INDEX CONCURRENTLY ledger_lane_held ON fibric.ledger (key_hash)"
      }
    ]
  },
  {
    name: "repeats are answered before their receipts are durable",
    edits: [
      {
        file: "src/kernel/Flights.ts",
        find: 'return recorded.value === "moved" ? lookAgain(ask, flight) : answer(flight, answered)\n    })',
        replace: "})\n    answer(flight, answered)"
      }
    ]
  },
  {
    name: "a lookup that finds nothing frees the key",
    edits: [
      {
        file: "src/kernel/lifecycle/Lifecycle.ts",
        find: `row("nothing_found", ["in_doubt"], ["current", "enough"], "released", "released")`,
        replace: `row("nothing_found", ["in_doubt"], [], "released", "released")`
      }
    ]
  }
]
