/**
 * The mutants: deliberate bugs of the kernel, as edits of its source. Each breaks one rule of the
 * promise and must be caught by a test; a rule whose mutant survives has no net under it.
 */
import type { Edit } from "../harness/Scratch.ts"

export interface Mutant {
  readonly name: string
  readonly edits: ReadonlyArray<Edit>
  /** The test files that must catch it. */
  readonly caughtBy: ReadonlyArray<string>
  /** The test that must, by the words of its name, where others would fail for other reasons. */
  readonly named?: string
}

const table = "src/kernel/lifecycle/Lifecycle.ts"
const about = "src/kernel/lifecycle/About.ts"
const nextAttempt = "src/kernel/lifecycle/NextAttempt.ts"
const contracts = {
  memory: "test/contracts/ledger-memory.test.ts",
  postgres: "test/contracts/ledger-postgres.test.ts"
}
const lifecycle = {
  memory: "test/contracts/lifecycle-memory.test.ts",
  postgres: "test/contracts/lifecycle-postgres.test.ts"
}
const doubt = {
  memory: "test/contracts/doubt-memory.test.ts",
  postgres: "test/contracts/doubt-postgres.test.ts"
}
const executor = "test/kernel/Executor.test.ts"
const losses = "test/kernel/losses.test.ts"

const guards = "test/kernel/guards.test.ts"
const programs = "test/kernel/programs.test.ts"
const turns = "test/contracts/turns-postgres.test.ts"

export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "what the guard no longer wants is performed",
    edits: [
      {
        file: "src/kernel/Wanted.ts",
        find: 'if (verdict._tag === "Superseded") {',
        replace: 'if (verdict._tag === "Superseded" && version < 0) {'
      }
    ],
    caughtBy: [guards]
  },
  {
    name: "a guard that gives no answer counts as a yes",
    edits: [
      {
        file: "src/kernel/Wanted.ts",
        find: 'Effect.succeed<Found>({ _tag: "GuardFailed", reason: storable(mask(reason, ask.secrets)) })',
        replace:
          'Effect.succeed<Found>(reason === "" ? { _tag: "GuardFailed", reason } : { _tag: "Wanted", basis: null })'
      }
    ],
    caughtBy: [guards]
  },
  {
    name: "the version that an action was decided against is not looked at",
    edits: [
      {
        file: "src/kernel/Wanted.ts",
        find: "if (decidedAt !== undefined && decidedAt !== version) {",
        replace: "if (decidedAt !== undefined && decidedAt > version) {"
      }
    ],
    caughtBy: [guards]
  },
  {
    name: "a settlement claims the next action along without its guard",
    edits: [
      {
        file: "src/kernel/Turn.ts",
        find: "ask.root === null && !Wanted.dependsOnState(ask)",
        replace: "ask.root === null && ask.decidedAt === undefined"
      }
    ],
    caughtBy: [guards]
  },
  {
    name: "who waits for whom is not looked at",
    edits: [
      {
        file: "src/kernel/Waits.ts",
        find: "isCircle ? refuse(ask, inside) : wait",
        replace: "isCircle && id === '' ? refuse(ask, inside) : wait"
      }
    ],
    caughtBy: ["test/kernel/deadlocks.test.ts"]
  },
  {
    name: "what passed a doubt never takes the lane over (Postgres)",
    edits: [
      {
        file: "src/postgres/consequences.ts",
        find: "SET passed_doubt = false, revision = ledger.revision + 1",
        replace: "SET passed_doubt = true, revision = ledger.revision + 1"
      }
    ],
    caughtBy: [turns]
  },
  {
    name: "a worker overtakes those who wait in line (Postgres)",
    edits: [
      {
        file: "src/postgres/claim.ts",
        find: "FROM asked, live, root WHERE NOT EXISTS (SELECT 1 FROM ahead)",
        replace: "FROM asked, live, root"
      }
    ],
    caughtBy: [turns]
  },
  {
    name: "a batch of claims overtakes those who wait in line (Postgres)",
    edits: [
      {
        file: "src/postgres/claims.ts",
        find: "AND NOT EXISTS (SELECT 1 FROM fibric.ticket WHERE ticket.lane = asked.lane)",
        replace: ""
      }
    ],
    caughtBy: [turns]
  },
  {
    name: "a batch claims on a state that has moved on (Postgres)",
    edits: [
      {
        file: "src/postgres/claims.ts",
        find: "OR (asked.decided_on, asked.state_version) IN (SELECT entity_hash, version FROM gate)",
        replace: "OR true"
      }
    ],
    caughtBy: [turns, contracts.postgres]
  },
  {
    name: "a batch claims on the state that another of its claims was decided on (Postgres)",
    edits: [
      {
        file: "src/postgres/claims.ts",
        find: "OR (asked.decided_on, asked.state_version) IN (SELECT entity_hash, version FROM gate)",
        replace: "OR asked.decided_on IN (SELECT entity_hash FROM gate)"
      }
    ],
    caughtBy: ["test/postgres/batches.test.ts"]
  },
  {
    name: "a row that fails fails its batch (Postgres)",
    edits: [
      {
        file: "src/postgres/PgLedger.ts",
        find: `({ reason }) => reason._tag !== "ConnectionError"`,
        replace: `({ reason }) => reason._tag.length === 0`
      }
    ],
    caughtBy: ["test/postgres/batches.test.ts"]
  },
  {
    name: "a batch changes a state twice and counts it once (Postgres)",
    edits: [
      {
        file: "src/kernel/GroupCommit.ts",
        find: "const together = oneForEachState(endings)",
        replace: "const together = oneForEachState(endings) && endings"
      }
    ],
    caughtBy: ["test/postgres/batches.test.ts"]
  },
  {
    name: "what is handed in between the last look of a batch and its end waits for ever",
    edits: [
      {
        file: "src/kernel/Batching.ts",
        find: "if (underWay.length === 0) {",
        replace: "if (underWay.length === 0) {\n        yield* Effect.yieldNow"
      }
    ],
    caughtBy: ["test/kernel/Batching.test.ts"]
  },
  {
    name: "who is gone before the batch has left is sent all the same",
    edits: [
      {
        file: "src/kernel/Batching.ts",
        find: "if (!waiter.isGone) taken.push(waiter)",
        replace: "taken.push(waiter)"
      }
    ],
    caughtBy: ["test/kernel/Batching.test.ts"]
  },
  {
    name: "a batch has no bound",
    edits: [
      { file: "src/kernel/Batching.ts", find: "if (taken.length > 0 && rows > maxRows) break", replace: "" }
    ],
    caughtBy: ["test/kernel/Batching.test.ts"]
  },
  {
    name: "what is remembered as done answers another payload",
    edits: [
      {
        file: "src/kernel/Settled.ts",
        find: "entry?.fingerprint !== fingerprint ||",
        replace: "entry === undefined ||"
      }
    ],
    caughtBy: ["test/kernel/repeats.test.ts"]
  },
  {
    name: "a process takes on whatever it is asked for",
    edits: [{ file: "src/kernel/Flights.ts", find: "underWay >= maxUnderWay", replace: "underWay < 0" }],
    caughtBy: ["test/kernel/repeats.test.ts"]
  },
  {
    name: "a refusal is remembered as if it could not be reopened",
    edits: [
      {
        file: "src/kernel/Settled.ts",
        find: `if (receipt.outcome !== "performed" && receipt.outcome !== "resolved") return`,
        replace: ""
      }
    ],
    caughtBy: ["test/kernel/repeats.test.ts"]
  },
  {
    name: "what is remembered is never forgotten",
    edits: [
      {
        file: "src/kernel/Settled.ts",
        find: "if (elapsedMillis(entry.atNanos, nowNanos) <= maxAgeMillis) return entry.receipt",
        replace: "if (elapsedMillis(entry.atNanos, nowNanos) >= 0) return entry.receipt"
      }
    ],
    caughtBy: ["test/kernel/repeats.test.ts"]
  },
  {
    name: "a state that has moved on is overwritten (Postgres)",
    edits: [
      {
        file: "src/postgres/consequences.ts",
        find: "state = CASE WHEN entity.version = moved.state_version THEN",
        replace: "state = CASE WHEN true THEN"
      }
    ],
    caughtBy: [turns]
  },
  {
    name: "a settlement claims along past those who wait (Postgres)",
    edits: [
      {
        file: "src/postgres/settlements.ts",
        find: "AND NOT EXISTS (SELECT 1 FROM ${others(sql, sql`asked.lane`, sql`asked.worker`)})",
        replace: ""
      }
    ],
    caughtBy: [turns]
  },
  {
    name: "a key of which nothing is said in time is taken for new",
    edits: [{ file: "src/kernel/Seeking.ts", find: "() => tell(false)", replace: "() => tell(true)" }],
    caughtBy: ["test/kernel/Seeking.test.ts"]
  },
  {
    name: "a step is claimed under a program that has ended (Postgres)",
    edits: [
      {
        file: "src/postgres/claim.ts",
        find: "AND program.state = 'performing' FOR SHARE",
        replace: "FOR SHARE"
      }
    ],
    caughtBy: [turns]
  },
  {
    name: "a program is released while a step is open (Postgres)",
    edits: [
      {
        file: "src/postgres/statements.ts",
        find: "recovery LIKE '%\"Replay\"%' AND NOT EXISTS (",
        replace:
          "recovery LIKE '%\"Replay\"%' AND NULL IS NOT DISTINCT FROM (SELECT 1 WHERE false) OR false AND NOT EXISTS ("
      }
    ],
    caughtBy: [turns]
  },
  {
    name: "whoever is called and does not come keeps his place (Postgres)",
    edits: [
      {
        file: "src/postgres/line.ts",
        find: "AND head.is_free AND head.overdue",
        replace: "AND head.is_free AND false"
      }
    ],
    caughtBy: [turns]
  },
  {
    name: "the claim reads the state's version and does not lock it (Postgres)",
    edits: [
      {
        file: "src/postgres/claim.ts",
        find: "AND version = ${basis.version}::int FOR UPDATE`",
        replace: "AND version = ${basis.version}::int`"
      },
      {
        file: "src/postgres/claims.ts",
        find: "ORDER BY entity.entity_hash FOR UPDATE OF entity",
        replace: ""
      }
    ],
    caughtBy: ["test/postgres/stale-guard.test.ts"]
  },
  {
    name: "a step is performed after its program has ended",
    edits: [
      {
        file: "src/kernel/ledger-memory/claims.ts",
        find: "if (claim.root !== null && !isCurrent(store, claim.root))",
        replace: "if (claim.root !== null && !isCurrent(store, claim.root) && now < 0)"
      }
    ],
    caughtBy: [programs]
  },
  {
    name: "a program is released while one of its steps is open",
    edits: [
      {
        file: about,
        find: 'row.current.recovery._tag === "Replay" && row.openSteps === 0',
        replace: 'row.current.recovery._tag === "Replay"'
      }
    ],
    caughtBy: [programs]
  },
  {
    name: "a step's key does not tell which program it belongs to",
    edits: [
      {
        file: "src/domain/IdempotencyKey.ts",
        find: "`${step.occasion}#${name}`",
        replace: "`${step.occasion}#${name.slice(32)}`"
      }
    ],
    caughtBy: [programs]
  },
  {
    name: "the latest takes the place of whatever waits",
    edits: [
      {
        file: "src/kernel/Lanes.ts",
        find: "if (entry?.replaces === name && entry.along === undefined)",
        replace: "if (entry !== undefined && entry.along === undefined)"
      }
    ],
    caughtBy: [guards]
  },
  {
    name: "the claim ignores the conflict (Postgres)",
    edits: [
      {
        file: "src/postgres/claims.ts",
        find: "ON CONFLICT DO NOTHING",
        replace: "ON CONFLICT (key_hash) DO UPDATE SET token = EXCLUDED.token, state = 'performing'"
      }
    ],
    caughtBy: [contracts.postgres]
  },
  {
    name: "a key that is not free is claimed again",
    edits: [
      {
        file: nextAttempt,
        find: "state !== wanted.from || current.attempt !== wanted.seenAttempt",
        replace: "current.attempt !== wanted.seenAttempt"
      }
    ],
    caughtBy: [doubt.memory, contracts.memory]
  },
  {
    name: "settle ignores the token (Postgres)",
    edits: [
      {
        file: "src/postgres/settlements.ts",
        find: "AND ledger.token = ending.token AND ledger.state = 'performing'",
        replace: "AND ledger.state = 'performing'"
      }
    ],
    caughtBy: [contracts.postgres]
  },
  {
    name: "evidence counts for the current attempt, whoever brings it",
    edits: [
      {
        file: about,
        find: "row.attempts.find(({ token }) => token === event.token)",
        replace: "row.current"
      }
    ],
    caughtBy: [contracts.memory]
  },
  {
    name: "lanes run two at a time",
    edits: [
      {
        file: "src/kernel/Lanes.ts",
        find: "yield* mailbox.current.run(mailbox)",
        replace: "yield* Effect.forkChild(mailbox.current.run(mailbox))"
      }
    ],
    caughtBy: ["test/kernel/Lanes.test.ts"]
  },
  {
    name: "the lane's index is gone",
    edits: [
      {
        file: "src/postgres/migrations/0004-lanes.ts",
        find: "CREATE UNIQUE INDEX CONCURRENTLY ledger_lane_held",
        replace: "CREATE INDEX CONCURRENTLY ledger_lane_held"
      }
    ],
    caughtBy: [contracts.postgres]
  },
  {
    name: "the repeat's receipt is dropped",
    edits: [
      {
        file: "src/kernel/Flights.ts",
        find: "if (repeats.length === 0) return answer(flight, answered)",
        replace: "if (repeats.length >= 0) return answer(flight, answered)"
      }
    ],
    caughtBy: [executor]
  },
  {
    name: "a repeat is answered before its receipt is durable",
    edits: [
      {
        file: "src/kernel/Flights.ts",
        find: "return Deferred.await(durable)",
        replace: "return answered"
      }
    ],
    caughtBy: [losses]
  },
  {
    name: "the caller's interrupt reaches the connector",
    edits: [
      {
        file: "src/kernel/Flights.ts",
        find: "return Deferred.await(flight.leaderAnswer)",
        replace:
          "return Effect.onInterrupt(Deferred.await(flight.leaderAnswer), () => Scope.close(scope, Exit.void))"
      },
      {
        file: "src/kernel/Dispatch.ts",
        find: "yield* calls.start(\n      withFunctions(job, ({ perform }) => Transaction.none(perform(job.payload, given)))\n    )",
        replace:
          "yield* Effect.forkIn(withFunctions(job, ({ perform }) => Transaction.none(perform(job.payload, given))), scope)"
      }
    ],
    caughtBy: [executor],
    named: "100 that are interrupted"
  },
  {
    name: "the claim comes after the send",
    edits: [
      {
        file: "src/kernel/Turn.ts",
        find: "    const verdict = along?.claimed",
        replace:
          '    yield* Effect.exit(dispatch.perform(ask, attempt, { _tag: "Claimed", attempt: 1, generation: 0 }, { operator: ask.operator }))\n    const verdict = along?.claimed'
      }
    ],
    caughtBy: [losses],
    named: "durable before the connector is called"
  },
  {
    name: "a claim that was not confirmed is taken as won",
    edits: [
      {
        file: "src/kernel/Claiming.ts",
        find: "Effect.tapError(retried(tried, confirmRetry), () => workers.giveUp(attempt))",
        replace:
          'Effect.catch(retried(tried, confirmRetry), () => Effect.succeed({ _tag: "Claimed", attempt: 1, generation: 0 } as unknown as Verdict))'
      }
    ],
    caughtBy: [losses]
  },
  {
    name: "an unknown outcome frees the key",
    edits: [
      {
        file: table,
        find: `row("unknown", ["performing"], ["current"], "in_doubt", "in_doubt")`,
        replace: `row("unknown", ["performing"], ["current"], "released", "released")`
      }
    ],
    caughtBy: [executor]
  },
  {
    name: "a silent row is freed instead of doubted (Postgres)",
    edits: [
      {
        file: "src/postgres/statements.ts",
        find: "SET state = CASE WHEN released THEN 'released' ELSE 'in_doubt' END",
        replace: "SET state = 'released'"
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
    name: "the provider's key stays the same after proof",
    edits: [
      {
        file: nextAttempt,
        find: "proven ? current.generation + 1 : current.generation",
        replace: "current.generation"
      }
    ],
    caughtBy: [contracts.memory]
  },
  {
    name: "the provider's key changes on somebody's word",
    edits: [
      {
        file: nextAttempt,
        find: `same.every(({ evidence }) => evidence === "not_performed" || evidence === "refused")`,
        replace: "same.every(isClosed)"
      }
    ],
    caughtBy: [doubt.memory]
  },
  {
    name: "a key is released although an earlier attempt may have happened",
    edits: [{ file: about, find: "others.every(isClosed)", replace: "others.length >= 0" }],
    caughtBy: [lifecycle.memory]
  },
  {
    name: "an earlier attempt is not seen by the short way to settle (Postgres)",
    edits: [{ file: "src/postgres/settlements.ts", find: "AND NOT ledger.beside_earlier", replace: "" }],
    caughtBy: [lifecycle.postgres]
  },
  {
    name: "a refusal of a resend speaks for the attempts before it, though the provider does not replay",
    edits: [{ file: about, find: "    subject.recovery.replays &&\n", replace: "" }],
    caughtBy: [lifecycle.memory]
  },
  {
    name: "a late truth can't settle what was released",
    edits: [
      {
        file: table,
        find: `row("success", anyButDone, [], "done", "resolved")`,
        replace: `row("success", ["performing", "in_doubt"], [], "done", "resolved")`
      }
    ],
    caughtBy: [doubt.memory]
  },
  {
    name: "a replayed refusal under an old provider key speaks for attempts under the new one",
    edits: [{ file: about, find: "    subject.generation === row.current.generation &&\n", replace: "" }],
    caughtBy: [doubt.memory]
  },
  {
    name: "somebody's word moves the provider's window",
    edits: [
      {
        file: about,
        find: `evidence !== "not_performed"\n`,
        replace: `evidence !== "not_performed" && evidence !== "testimony"\n`
      }
    ],
    caughtBy: ["test/kernel/lifecycle.test.ts"]
  },
  {
    name: "a flight looks again after the ledger has forgotten its attempt",
    edits: [
      {
        file: "src/kernel/Dispatch.ts",
        find: `applied.why === "unknown_key" || applied.why === "unknown_token"`,
        replace: `applied.why === "wrong_attempt"`
      }
    ],
    caughtBy: [losses]
  },
  {
    name: "a second effect of one key is not told",
    edits: [{ file: about, find: "return !recognised", replace: "return recognised" }],
    caughtBy: [doubt.memory]
  },
  {
    name: "outside evidence frees the flight of a call that still runs",
    edits: [
      {
        file: "src/kernel/lifecycle/Decision.ts",
        find: `callOpen: !ownCallEnded && (row.callOpen || (row.state === "performing" && event._tag !== "Silence"))`,
        replace: "callOpen: false"
      }
    ],
    caughtBy: [doubt.memory]
  },
  {
    name: "a person's verdict is never too early",
    edits: [{ file: about, find: "(event.force || nowMillis >= verdictAt(row))", replace: "nowMillis > 0" }],
    caughtBy: [doubt.memory]
  },
  {
    name: "a person's verdict settles another attempt than it is about",
    edits: [
      {
        file: about,
        find: "row.current.attempt === event.attempt ? row.current : undefined",
        replace: "row.current"
      }
    ],
    caughtBy: [doubt.memory]
  },
  {
    name: "a lookup that began too early frees the key",
    edits: [
      {
        file: about,
        find: "event.startedAtMillis >= claimedAtMillis +",
        replace: "nowMillisOf(row) >= claimedAtMillis +"
      },
      {
        file: about,
        find: "/** From when on",
        replace: "const nowMillisOf = (_row: KeyRow): number => Infinity\n\n/** From when on"
      }
    ],
    caughtBy: [doubt.memory]
  },
  {
    name: "a resend is made after the provider's window has closed",
    edits: [{ file: nextAttempt, find: "nowMillis < notAfterMillis && sent", replace: "sent" }],
    caughtBy: [doubt.memory]
  },
  {
    name: "a resend is made without an end",
    edits: [{ file: nextAttempt, find: "sent < recovery.attempts && ", replace: "" }],
    caughtBy: [doubt.memory]
  },
  {
    name: "a resend goes out under a new provider key",
    edits: [
      {
        file: nextAttempt,
        find: "? { attempt, generation: current.generation, besideEarlier: true, notAfterMillis }",
        replace: "? { attempt, generation: current.generation + 1, besideEarlier: true, notAfterMillis }"
      }
    ],
    caughtBy: [lifecycle.memory]
  },
  {
    name: "two processes recover one doubt at a time (Postgres)",
    edits: [
      {
        file: "src/postgres/doubts.ts",
        find: "SET recover_at = clock_timestamp() + ${leaseMillis}::float8 * interval '1 ms', revision = revision + 1",
        replace: "SET revision = revision + (${leaseMillis}::float8 * 0)::int + 1"
      }
    ],
    caughtBy: [doubt.postgres]
  },
  {
    name: "a transaction is not fenced by its token (Postgres)",
    edits: [
      {
        file: "src/postgres/transact.ts",
        find: "AND token = ${token}::uuid AND state = 'performing'\n",
        replace: "AND token = ${token}::uuid\n"
      }
    ],
    caughtBy: [doubt.postgres]
  },
  {
    name: "a transaction runs again after it has committed (Postgres)",
    edits: [
      {
        file: "src/postgres/transact.ts",
        find: '    if (before !== undefined) return unheard({ _tag: "Settled", receipt: before })\n    if (locked.length === 0) return unheard(fenced)\n',
        replace: "    if (before === undefined && locked.length === 0) return unheard(fenced)\n"
      }
    ],
    caughtBy: [doubt.postgres]
  },
  {
    name: "execute goes on inside the app's open transaction",
    edits: [
      {
        file: "src/kernel/Caller.ts",
        find: "Context.get(context, OpenTransaction) !== undefined",
        replace: "Context.get(context, OpenTransaction) === null"
      }
    ],
    caughtBy: ["test/postgres/transactional.test.ts"]
  },
  {
    name: "an attempt that was given up is not told to the ledger",
    edits: [
      {
        file: "src/kernel/Workers.ts",
        find: 'yield* again("fibric.worker.give_up_failed", settings.beatMillis, reconcile)',
        replace: "void reconcile"
      }
    ],
    caughtBy: [losses]
  },
  {
    name: "a worker whose lease ran out may claim (Postgres)",
    edits: [
      {
        file: "src/postgres/lane.ts",
        find: "export const isAlive = `live.expires_at > clock_timestamp() + interval '200 ms'`",
        replace: "export const isAlive = `live.expires_at IS NOT NULL`"
      }
    ],
    caughtBy: [contracts.postgres]
  },
  {
    name: "a process that was paused for too long starts its call",
    edits: [
      {
        file: "src/kernel/Workers.ts",
        find: "elapsedMillis(claimSentNanos, now) < withMargin(Math.min(doubtAfterMillis, startWithinMillis))",
        replace: "doubtAfterMillis > 0 && startWithinMillis > 0 && claimSentNanos >= 0n"
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
    name: "a late copy of a claim takes a released key",
    edits: [
      {
        file: nextAttempt,
        find: "state !== wanted.from || current.attempt !== wanted.seenAttempt",
        replace: "state !== wanted.from"
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
        find: "fly(ask, flight)\n        return Deferred.await(flight.leaderAnswer)",
        replace:
          "return Effect.andThen(Effect.sync(() => fly(ask, flight)), Deferred.await(flight.leaderAnswer))"
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
  },
  {
    name: "what once was declared to be sent again is, whatever is declared now",
    edits: [
      {
        file: "src/kernel/Recoverer.ts",
        find: 'if (doubt.recovery._tag === "Resend" && capability.recovery._tag !== "Resend")',
        replace: 'if (doubt.recovery._tag === "Resend" && capability.recovery._tag === "Replay")'
      }
    ],
    caughtBy: ["test/faults/callers.test.ts"],
    named: "does not declare it any more"
  },
  {
    name: "a claim whose settlement's answer was lost is cut short by its validity",
    edits: [
      {
        file: "src/kernel/Turn.ts",
        find: "const isClaimed = lane.along !== undefined && tries === 0",
        replace: "const isClaimed = lane.along?.claimed !== undefined && tries === 0"
      }
    ],
    caughtBy: ["test/kernel/along.test.ts"],
    named: "nothing but another try's"
  },
  {
    name: "a claim that goes along is not called under way",
    edits: [
      {
        file: "src/kernel/Turn.ts",
        find: "ask, seenAttempt, null)\n    progress.dispatched = true",
        replace: "ask, seenAttempt, null)"
      }
    ],
    caughtBy: ["test/kernel/along.test.ts"],
    named: "is told as what it is: under way"
  },
  {
    name: "what a transaction came to is stored with its secrets",
    edits: [
      {
        file: "src/kernel/Dispatch.ts",
        find: "evidence: withoutSecrets(evidence, job.secrets),",
        replace: "evidence,"
      }
    ],
    caughtBy: ["test/secrecy/canary.test.ts"]
  },
  {
    name: "a lookup counts from its end",
    edits: [
      {
        file: "src/kernel/Recoverer.ts",
        find: "startedAtMillis: doubt.readAtMillis",
        replace: "startedAtMillis: yield* ledger.now"
      }
    ],
    caughtBy: ["test/kernel/Recoverer.test.ts"],
    named: "though it ends late"
  },
  {
    name: "another effect of a key frees the flight of a call that still runs",
    edits: [
      {
        file: "src/kernel/lifecycle/Decision.ts",
        find: '(row.callOpen || (row.state === "performing" && event._tag !== "Silence"))',
        replace: '(row.state === "performing" && event._tag !== "Silence")'
      }
    ],
    caughtBy: [doubt.memory],
    named: "seen meanwhile"
  },
  {
    name: "a flight takes joiners while its repeats are being written down",
    edits: [
      {
        file: "src/kernel/Flights.ts",
        find: "    close(ask, flight)\n    if (Exit.isFailure(ended))",
        replace: "    if (Exit.isFailure(ended))"
      },
      {
        file: "src/kernel/Flights.ts",
        find: "recorder.submit(repeats, (recorded) => {",
        replace: "recorder.submit(repeats, (recorded) => {\n      close(ask, flight)"
      }
    ],
    caughtBy: [losses],
    named: "being written down"
  },
  {
    name: "who has joined another process's flight tries by itself",
    edits: [
      {
        file: "src/kernel/Executor.ts",
        find: '(joined || progress.dispatched || entry.state !== "released")',
        replace: '(progress.dispatched || entry.state !== "released")'
      }
    ],
    caughtBy: ["test/kernel/elsewhere.test.ts"]
  },
  {
    name: "a late no is no evidence",
    edits: [
      {
        file: "src/kernel/Dispatch.ts",
        find: 'if (evidence._tag !== "Unknown") yield* settle(job, attempt, evidence, yield* elapsedMillis)',
        replace:
          'if (evidence._tag === "Performed") yield* settle(job, attempt, evidence, yield* elapsedMillis)'
      }
    ],
    caughtBy: [executor],
    named: "a late"
  },
  {
    name: "a guard of what changes nothing binds no version",
    edits: [
      {
        file: "src/kernel/Wanted.ts",
        find: "basis: { version, becomes: stored } }",
        replace: "basis: stored === null && decidedAt === undefined ? null : { version, becomes: stored } }"
      }
    ],
    caughtBy: [guards],
    named: "changes nothing"
  },
  {
    name: "closing forgets the batch that is under way",
    edits: [
      {
        file: "src/kernel/Batching.ts",
        find: "[...underWay, ...waiting.splice(0)]",
        replace: "waiting.splice(0)"
      }
    ],
    caughtBy: ["test/kernel/Batching.test.ts"]
  },
  {
    name: "the answers of a thinned batch go by their places",
    edits: [
      {
        file: "src/kernel/GroupCommit.ts",
        find: "endings.map((ending) => answerOf.get(ending))",
        replace: "endings.map((ending, place) => ended[place] ?? answerOf.get(ending))"
      }
    ],
    caughtBy: ["test/kernel/GroupCommit.test.ts"]
  },
  {
    name: "a waiting that came to nothing stays noted",
    edits: [
      {
        file: "src/kernel/Waits.ts",
        find: "Effect.ensuring(Effect.ignore(",
        replace: "Effect.tap(Effect.ignore("
      }
    ],
    caughtBy: ["test/kernel/deadlocks.test.ts"],
    named: "whatever ended it"
  },
  {
    name: "a waiting that was cut off stays noted",
    edits: [
      {
        file: "src/kernel/Waits.ts",
        find: "Effect.ensuring(Effect.ignore(Effect.retry(ledger.waitNoMore(id), confirmRetry)))",
        replace:
          "Effect.exit,\n        Effect.tap(Effect.ignore(Effect.retry(ledger.waitNoMore(id), confirmRetry))),\n        Effect.flatten"
      }
    ],
    caughtBy: ["test/kernel/deadlocks.test.ts"],
    named: "lost its patience"
  },
  {
    name: "a refusal that was reopened still speaks",
    edits: [
      {
        file: "src/kernel/lifecycle/markings.ts",
        find: '            .filter(({ evidence }) => evidence === "refused")\n',
        replace: '            .filter(({ evidence }) => evidence === "testimony")\n'
      }
    ],
    caughtBy: [doubt.memory],
    named: "has had its say"
  },
  {
    name: "finding nothing is enough by an earlier attempt's claim",
    edits: [
      {
        file: about,
        find: "event.startedAtMillis >= claimedAtMillis + Math.max",
        replace: "event.startedAtMillis >= (row.attempts[0]?.claimedAtMillis ?? claimedAtMillis) + Math.max"
      }
    ],
    caughtBy: [doubt.memory],
    named: "an earlier attempt only"
  },
  {
    name: "what is under way beside a doubt does not take the lane over",
    edits: [
      {
        file: "src/kernel/ledger-memory/transitions.ts",
        find: '(row.state === "performing" || (row.state === "in_doubt" && row.doubtHoldsLane))',
        replace: 'row.state === "in_doubt" &&\n        row.doubtHoldsLane'
      }
    ],
    caughtBy: ["test/contracts/turns-memory.test.ts"],
    named: "under way beside it"
  },
  {
    name: "what is under way beside a doubt does not take the lane over, in SQL",
    edits: [
      {
        file: "src/postgres/consequences.ts",
        find: "passed.state = 'performing' OR (passed.state",
        replace: "(passed.state"
      }
    ],
    caughtBy: [turns],
    named: "under way beside it"
  },
  {
    name: "a resend passes the doubts of others",
    edits: [
      {
        file: "src/kernel/ledger-memory/claims.ts",
        find: '!(row.passedDoubt && obstacle._tag === "LaneHeld")',
        replace: 'obstacle._tag !== "LaneHeld"'
      }
    ],
    caughtBy: ["test/contracts/turns-memory.test.ts"],
    named: "another doubt that is sent again"
  },
  {
    name: "a resend passes the doubts of others, in SQL",
    edits: [
      {
        file: "src/postgres/claim.ts",
        find: "AND NOT (ledger.state = 'in_doubt' AND ledger.passed_doubt)",
        replace: "AND NOT ledger.state = 'in_doubt'"
      }
    ],
    caughtBy: [turns],
    named: "another doubt that is sent again"
  },
  {
    name: "what a lookup finds is of whatever attempt is current by then",
    edits: [
      {
        file: "src/kernel/lifecycle/About.ts",
        find: "return row.attempts.find(({ attempt }) => attempt === event.attempt)",
        replace: "return row.current"
      }
    ],
    caughtBy: [doubt.memory],
    named: "the attempt that it began for"
  },
  {
    name: "one row that can't be read ends a background loop",
    edits: [
      {
        file: "src/kernel/Background.ts",
        find: "Cause.hasInterrupts(cause)",
        replace: "Cause.hasInterrupts(cause) || Cause.hasDies(cause)"
      }
    ],
    caughtBy: ["test/kernel/Workers.test.ts", "test/kernel/Keeper.test.ts"],
    named: "in a bug"
  },
  {
    name: "a verdict is anybody's",
    edits: [
      {
        file: "src/kernel/Verdicts.ts",
        find: 'operator === Operator.unnamed ? "name" : reason.trim() === "" ? "reason" : undefined',
        replace: 'reason.trim() === "" ? "reason" : undefined'
      }
    ],
    caughtBy: ["test/kernel/Verdicts.test.ts"],
    named: "by name and with a reason"
  },
  {
    name: "what a worker writes by itself is neither logged nor counted",
    edits: [
      {
        file: "src/kernel/Runtime.ts",
        find: "  Layer.provide([Lanes.layer, Workers.layer]),\n  Layer.provide(ReceiptLog.layerObservedLedger),",
        replace:
          "  Layer.provide(Lanes.layer),\n  Layer.provide(ReceiptLog.layerObservedLedger),\n  Layer.provide(Workers.layer),"
      }
    ],
    caughtBy: ["test/kernel/ReceiptLog.test.ts"],
    named: "that nobody asked for"
  },
  {
    name: "a verdict whose reply was lost is tried again as another one",
    edits: [
      {
        file: "src/kernel/Verdicts.ts",
        find: "  const receiptId = yield* Identifiers.ordered\n",
        replace: ""
      },
      {
        file: "src/kernel/Verdicts.ts",
        find: "const applied = yield* Effect.retry(ledger.apply(key, event, receiptId), confirmRetry)",
        replace:
          "const applied = yield* Effect.retry(\n    Effect.flatMap(Identifiers.ordered, (receiptId) => ledger.apply(key, event, receiptId)),\n    confirmRetry\n  )"
      }
    ],
    caughtBy: ["test/kernel/losses.test.ts"],
    named: "a verdict whose reply was lost"
  },
  {
    name: "a connector is believed that claims a rollback",
    edits: [
      {
        file: "src/kernel/Evidence.ts",
        find: 'new Set<Proof>(["never_started", "never_sent", "provider_denies"])',
        replace: 'new Set<Proof>(["never_started", "never_sent", "provider_denies", "rolled_back"])'
      }
    ],
    caughtBy: ["test/kernel/Executor.test.ts"],
    named: "claims a rollback"
  },
  {
    name: "a lease counts from when its heartbeat was answered",
    edits: [
      {
        file: "src/kernel/Workers.ts",
        find: "      const sentNanos = yield* Clock.monotonicTimeNanos\n      const alive = yield* ledger.beat(incarnation, settings.leaseMillis)\n      confirmedSentNanos = alive ? sentNanos : undefined",
        replace:
          "      const alive = yield* ledger.beat(incarnation, settings.leaseMillis)\n      confirmedSentNanos = alive ? yield* Clock.monotonicTimeNanos : undefined"
      }
    ],
    caughtBy: ["test/kernel/Workers.test.ts"],
    named: "counts its lease from"
  }
]
