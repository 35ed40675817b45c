/**
 * The mutants: deliberate bugs of the kernel, as edits of its source. Each breaks one rule of the
 * promise and must be caught by a test; a rule whose mutant survives has no net under it.
 */

/** One edit: the text must stand in the file exactly once. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

export interface Mutant {
  readonly name: string
  readonly edits: ReadonlyArray<Edit>
  /** The test files that must catch it. */
  readonly caughtBy: ReadonlyArray<string>
  /** The test that must, by the words of its name, where others would fail for other reasons. */
  readonly named?: string
}

const memory = "src/kernel/LedgerMemory.ts"
const contracts = {
  memory: "test/contracts/ledger-memory.test.ts",
  postgres: "test/contracts/ledger-postgres.test.ts"
}
const executor = "test/kernel/Executor.test.ts"
const losses = "test/kernel/losses.test.ts"

export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "the claim ignores the conflict (Postgres)",
    edits: [
      {
        file: "src/postgres/claim.ts",
        find: "ON CONFLICT DO NOTHING",
        replace: "ON CONFLICT (key_hash) DO UPDATE SET token = EXCLUDED.token, state = 'performing'"
      }
    ],
    caughtBy: [contracts.postgres]
  },
  {
    name: "the claim ignores the conflict (memory)",
    edits: [{ file: memory, find: `if (!free) return { _tag: "Exists" }`, replace: "" }],
    caughtBy: [contracts.memory]
  },
  {
    name: "settle ignores the token (Postgres)",
    edits: [
      { file: "src/postgres/statements.ts", find: "AND token = ${settlement.token}::uuid", replace: "" }
    ],
    caughtBy: [contracts.postgres]
  },
  {
    name: "settle ignores the token (memory)",
    edits: [
      {
        file: memory,
        find: "row === undefined || row.token !== settlement.token",
        replace: "row === undefined"
      }
    ],
    caughtBy: [contracts.memory]
  },
  {
    name: "lanes run two at a time",
    edits: [
      {
        file: "src/kernel/Lanes.ts",
        find: "yield* turn.run\n",
        replace: "yield* Effect.forkChild(turn.run)\n"
      }
    ],
    caughtBy: ["test/kernel/Lanes.test.ts"]
  },
  {
    name: "the lane's index is gone",
    edits: [
      {
        file: "src/postgres/migrations/0001-ledger-and-receipts.ts",
        find: "CREATE UNIQUE INDEX ledger_lane",
        replace: "CREATE INDEX ledger_lane"
      }
    ],
    caughtBy: [contracts.postgres]
  },
  {
    name: "the repeat's receipt is dropped",
    edits: [
      {
        file: "src/kernel/Flights.ts",
        find: "if (repeats.length > 0) yield* Effect.retry(ledger.record(repeats), recordRetry)",
        replace: "void repeats"
      }
    ],
    caughtBy: [executor]
  },
  {
    name: "a repeat is answered before its receipt is durable",
    edits: [
      {
        file: "src/kernel/Flights.ts",
        find: "if (conclusion.leaderRecorded) Deferred.doneUnsafe(flight.leaderAnswer, answer)",
        replace: "Deferred.doneUnsafe(flight.leaderAnswer, answer)"
      }
    ],
    caughtBy: [losses]
  },
  {
    name: "the caller's interrupt reaches the connector",
    edits: [
      {
        file: "src/kernel/Flights.ts",
        find: "restore(Deferred.await(flight.leaderAnswer))",
        replace:
          "Effect.onInterrupt(restore(Deferred.await(flight.leaderAnswer)), () => Scope.close(scope, Exit.void))"
      },
      {
        file: "src/kernel/Dispatch.ts",
        find: "calls.start(callConnector(ask, claimed))",
        replace: "Effect.forkIn(callConnector(ask, claimed), scope)"
      }
    ],
    caughtBy: [executor],
    named: "100 that are interrupted"
  },
  {
    name: "the claim comes after the send",
    edits: [
      {
        file: "src/kernel/Dispatch.ts",
        find: "    const verdict = yield* Effect.tapError(",
        replace:
          "    yield* Effect.exit(callConnector(ask, { attempt: 1, generation: 0 }))\n    const verdict = yield* Effect.tapError("
      }
    ],
    caughtBy: [losses],
    named: "durable before the connector is called"
  },
  {
    name: "a claim that was not confirmed is taken as won",
    edits: [
      {
        file: "src/kernel/Dispatch.ts",
        find: "Effect.tapError(Effect.retry(statement, confirmRetry),",
        replace:
          'Effect.tapError(Effect.catch(Effect.retry(statement, confirmRetry), () => Effect.succeed({ _tag: "Claimed", attempt: 1, generation: 0 })),'
      }
    ],
    caughtBy: [losses]
  },
  {
    name: "an unknown outcome frees the key",
    edits: [
      {
        file: "src/kernel/Ledger.ts",
        find: `      return "in_doubt"\n  }\n}\n\n/** The outcome that`,
        replace: `      return "released"\n  }\n}\n\n/** The outcome that`
      }
    ],
    caughtBy: [executor]
  },
  {
    name: "a silent row is freed instead of doubted (Postgres)",
    edits: [
      {
        file: "src/postgres/statements.ts",
        find: "SET state = 'in_doubt', since = clock_timestamp(), receipt_id = fresh.id",
        replace: "SET state = 'released', since = clock_timestamp(), receipt_id = fresh.id"
      }
    ],
    caughtBy: [contracts.postgres]
  },
  {
    name: "the payload is not compared",
    edits: [
      {
        file: "src/kernel/Conclusion.ts",
        find: "if (entry.fingerprint !== ask.fingerprint) return",
        replace: "if (entry.fingerprint === undefined) return"
      }
    ],
    caughtBy: [executor]
  },
  {
    name: "a late truth is dropped",
    edits: [
      {
        file: "src/kernel/Dispatch.ts",
        find: `if (evidence._tag !== "Unknown") yield* settle`,
        replace: `if (evidence._tag === "Unknown") yield* settle`
      }
    ],
    caughtBy: [executor]
  },
  {
    name: "the provider's key stays the same after a release",
    edits: [{ file: memory, find: "row.generation + 1", replace: "row.generation" }],
    caughtBy: [contracts.memory]
  },
  {
    name: "a worker whose lease ran out may claim (Postgres)",
    edits: [
      {
        file: "src/postgres/claim.ts",
        find: " AND expires_at > clock_timestamp() + interval '200 ms'",
        replace: ""
      }
    ],
    caughtBy: [contracts.postgres]
  },
  {
    name: "a process that was paused for too long starts its call",
    edits: [
      {
        file: "src/kernel/Workers.ts",
        find: "elapsedMillis(claimSentNanos, now) < withMargin(doubtAfterMillis)",
        replace: "doubtAfterMillis > 0 && claimSentNanos >= 0n"
      }
    ],
    caughtBy: [losses]
  },
  {
    name: "an answer that does not fit is believed",
    edits: [
      {
        file: "src/kernel/Evidence.ts",
        find: ": unknown(`the connector's answer can't be recorded: ${body.failure}`)",
        replace: `: { _tag: "Performed", body: "null" }`
      }
    ],
    caughtBy: [executor]
  },
  {
    name: "a late copy of a claim takes a released key (memory)",
    edits: [
      {
        file: memory,
        find: `row.state === "released" && row.attempt === claim.seenAttempt`,
        replace: `row.state === "released"`
      }
    ],
    caughtBy: [contracts.memory]
  },
  {
    name: "the key follows the caller's address",
    edits: [
      {
        file: "src/domain/IdempotencyKey.ts",
        find: "Object.freeze({ type: entity.type, id: entity.id })",
        replace: "entity"
      },
      {
        file: "src/domain/IdempotencyKey.ts",
        find: "this.#hash ??= sha256(",
        replace: "this.#hash = sha256("
      },
      { file: "src/domain/IdempotencyKey.ts", find: "    Object.freeze(this)\n", replace: "" }
    ],
    caughtBy: [executor],
    named: "an address that is reused"
  },
  {
    name: "an interrupt can tear a flight from its fiber",
    edits: [
      {
        file: "src/kernel/Flights.ts",
        find: "Effect.uninterruptibleMask((restore) =>",
        replace:
          "((f: (restore: <A>(self: A) => A) => Effect.Effect<Receipt, Unsettled>) => f((self) => self))((restore) =>"
      }
    ],
    caughtBy: [executor],
    named: "interrupted at any step"
  },
  {
    name: "a call starts under an incarnation that has died",
    edits: [{ file: "src/kernel/Workers.ts", find: "            worker === incarnation &&\n", replace: "" }],
    caughtBy: ["test/kernel/Workers.test.ts"]
  },
  {
    name: "a claim that hides behind its snapshot is taken for a busy lane",
    edits: [
      {
        file: "src/postgres/claim.ts",
        find: "(yield* once) ?? (yield* once) ?? laneBusy",
        replace: "(yield* once) ?? laneBusy"
      }
    ],
    caughtBy: ["test/postgres/claim.test.ts"]
  },
  {
    name: "a request that was dispatched is counted as prevented too",
    edits: [
      {
        file: "src/kernel/Conclusion.ts",
        find: "leaderRecorded: dispatched",
        replace: "leaderRecorded: false"
      }
    ],
    caughtBy: [losses],
    named: "written down once"
  },
  {
    name: "a mark in one member of a union loosens the others",
    edits: [
      {
        file: "src/domain/PayloadField.ts",
        find: "others.every((other) => other.get(where) === role)",
        replace: "others.length >= 0"
      }
    ],
    caughtBy: ["test/domain/PayloadField.test.ts"]
  }
]
