/**
 * mutants: deliberate bugs of the kernel that the simulation must catch. Each is an edit of the source in a
 * scratch copy; the kernel has no hooks for them.
 */
import type { Edit } from "../harness/Scratch.ts"

export interface Mutant {
  readonly name: string
  readonly edits: ReadonlyArray<Edit>
}

const claims = "src/kernel/ledger-memory/claims.ts"
const transitions = "src/kernel/ledger-memory/transitions.ts"
const about = "src/kernel/lifecycle/About.ts"
const nextAttempt = "src/kernel/lifecycle/NextAttempt.ts"
const executor = "src/kernel/Executor.ts"
const flights = "src/kernel/Flights.ts"
const lanes = "src/kernel/Lanes.ts"
const turn = "src/kernel/Turn.ts"
const dispatch = "src/kernel/Dispatch.ts"
const workers = "src/kernel/Workers.ts"

const one = (name: string, file: string, find: string, replace: string): Mutant => ({
  name,
  edits: [{ file, find, replace }]
})

export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "a key in flight is taken over and performed again",
    edits: [
      {
        file: nextAttempt,
        find: 'if (state !== wanted.from || current.attempt !== wanted.seenAttempt) return "exists"',
        replace: 'if (state !== wanted.from && state !== "performing") return "exists"'
      },
      {
        file: executor,
        find: 'if (entry?.state === "performing" && entry.fingerprint === ask.fingerprint) {',
        replace: 'if (entry?.state === "performing" && entry.fingerprint === "") {'
      },
      {
        file: executor,
        find: '(joined || progress.dispatched || entry.state !== "released")',
        replace:
          '(joined || progress.dispatched || (entry.state !== "released" && entry.state !== "performing"))'
      }
    ]
  },
  one(
    "there is no dispatch mark: the connector is called without a claim",
    turn,
    "const verdict = along?.claimed ?? (yield* claiming.claim(prepared, along?.mayHaveLanded === true))",
    'const verdict = along?.claimed ?? (yield* Effect.as(Effect.sync(() => claiming), { _tag: "Claimed", attempt: 1, generation: 0 } as import("./Ledger.ts").ClaimVerdict))'
  ),
  one(
    "a settlement is taken whatever its token",
    about,
    "return row.attempts.find(({ token }) => token === event.token)",
    "return row.current"
  ),
  one(
    "a claim without an answer counts as won",
    "src/kernel/Claiming.ts",
    "const verdict = yield* Effect.tapError(retried(tried, confirmRetry), () => workers.giveUp(attempt))",
    'const verdict = yield* Effect.orElseSucceed(retried(tried, confirmRetry), () => ({ _tag: "Claimed", attempt: attempt.seenAttempt + 1, generation: 0 }) as unknown as Verdict)'
  ),
  one(
    "a call starts whatever has become of its worker's lease",
    workers,
    "worker === incarnation &&\n            confirmedSentNanos !== undefined &&\n            elapsedMillis(confirmedSentNanos, now) < withMargin(settings.leaseMillis) &&",
    'worker !== "" &&'
  ),
  one(
    "a call starts however old its claim is",
    workers,
    "elapsedMillis(claimSentNanos, now) < withMargin(Math.min(doubtAfterMillis, startWithinMillis))",
    "elapsedMillis(claimSentNanos, now) < withMargin(Math.min(doubtAfterMillis, startWithinMillis)) + 60_000"
  ),
  one(
    "nothing is looked at before a call starts",
    dispatch,
    "if (!mayStart) {",
    'if (!mayStart && job.name === "") {'
  ),
  one(
    "a key moves without its receipt",
    transitions,
    "const standing = decision.stands ? { state: decision.to, sinceMillis: now, receipt } : {}",
    "const standing = decision.stands ? { state: decision.to, sinceMillis: now } : {}"
  ),
  one(
    "a repeat is answered before its receipt is written",
    flights,
    "if (conclusion.leaderRecorded) Deferred.doneUnsafe(flight.leaderAnswer, answered)",
    "Deferred.doneUnsafe(flight.leaderAnswer, answered)\n    Deferred.doneUnsafe(flight.joinersAnswer, answered)"
  ),
  one(
    "a flight belongs to the caller that began it",
    flights,
    "fly(ask, flight)\n        return Deferred.await(flight.leaderAnswer)",
    "const own = startOwned(corridor(ask, flight.progress), context, scope)\n        own.addObserver((end) => (Exit.isSuccess(end) ? landed(ask, flight, end) : close(ask, flight)))\n        return Effect.onInterrupt(Deferred.await(flight.leaderAnswer), () => Effect.sync(() => own.interruptUnsafe()))"
  ),
  one(
    "a caller that leaves cuts off whoever has joined its flight",
    flights,
    "fly(ask, flight)\n        return Deferred.await(flight.leaderAnswer)",
    "const own = startOwned(corridor(ask, flight.progress), context, scope)\n        own.addObserver((end) => landed(ask, flight, end))\n        return Effect.onInterrupt(Deferred.await(flight.leaderAnswer), () => Effect.sync(() => own.interruptUnsafe()))"
  ),
  one(
    "a late truth is dropped",
    dispatch,
    'if (evidence._tag !== "Unknown") yield* settle(job, attempt, evidence, yield* elapsedMillis)',
    'if (evidence._tag === "Unknown") yield* settle(job, attempt, evidence, yield* elapsedMillis)'
  ),
  one(
    "a key is released by what is known of a later attempt only",
    about,
    "othersProven: ({ others }) => others.every(isClosed),",
    "othersProven: () => true,"
  ),
  one(
    "the state may have changed since the guard saw it",
    claims,
    "entityIn(store, hex(claim.key.entityHash)).version !== claim.basis.version",
    "entityIn(store, hex(claim.key.entityHash)).version < claim.basis.version"
  ),
  one(
    "whoever comes first is claimed first, whoever waits",
    claims,
    'if (othersAhead(store, claim, now)) return { _tag: "LaneBusy" }\n  withdraw',
    "withdraw"
  ),
  {
    name: "a doubt lets its own key pass",
    edits: [
      {
        file: nextAttempt,
        find: "if (state !== wanted.from || current.attempt",
        replace: 'if ((state !== wanted.from && state !== "in_doubt") || current.attempt'
      },
      {
        file: executor,
        find: '(joined || progress.dispatched || entry.state !== "released")',
        replace:
          '(joined || progress.dispatched || (entry.state !== "released" && entry.state !== "in_doubt"))'
      }
    ]
  },
  one(
    "a lease that runs out frees its keys",
    about,
    'transactional: ({ row }) => row.current.recovery._tag === "Transactional",',
    'transactional: ({ event, row }) => event._tag === "Silence" || row.current.recovery._tag === "Transactional",'
  ),
  one(
    "two actions of an entity may be in flight",
    claims,
    'if (others.some(([, row]) => row.state === "performing" || row.callOpen)) return { _tag: "LaneBusy" }',
    'if (others.some(([, row]) => row.state === "performing" && row.callOpen)) return { _tag: "LaneBusy" }'
  ),
  one(
    "a doubt holds no lane",
    claims,
    'others.find(([, row]) => row.state === "in_doubt" && row.doubtHoldsLane && !row.passedDoubt) ?? []',
    'others.find(([, row]) => row.state === "in_doubt" && row.doubtHoldsLane && row.passedDoubt) ?? []'
  ),
  one(
    "no answer within the deadline counts as not performed",
    dispatch,
    "? Evidence.unknown(`no answer within ${capability.deadlineMillis} ms`)",
    "? Evidence.neverStarted(`no answer within ${capability.deadlineMillis} ms`)"
  ),
  one(
    "a connector that dies counts as not performed",
    "src/kernel/Evidence.ts",
    "return unknown(sentenceOf(exit.cause))",
    "return neverStarted(sentenceOf(exit.cause))"
  ),
  one(
    "a resend does not look at the provider's window",
    nextAttempt,
    "const open = nowMillis < notAfterMillis && sent",
    "const open = nowMillis < notAfterMillis + 3_600_000 && sent"
  ),
  one(
    "a resend has no bound",
    nextAttempt,
    "sent < recovery.attempts &&",
    "sent < recovery.attempts + 1_000 &&"
  ),
  one(
    "a resend goes out under a new key",
    nextAttempt,
    "return open ? { attempt, generation: current.generation, besideEarlier",
    "return open ? { attempt, generation: current.generation + 1, besideEarlier"
  ),
  one(
    "finding nothing releases at once",
    about,
    "event.startedAtMillis >= claimedAtMillis + Math.max(recovery.releaseAfterMillis, row.verdictAfterMillis)",
    "event.startedAtMillis >= claimedAtMillis"
  ),
  one(
    "a lookup counts from its end",
    "src/kernel/Recoverer.ts",
    "startedAtMillis: doubt.readAtMillis",
    "startedAtMillis: yield* ledger.now"
  ),
  one(
    "what was performed does not change the state",
    transitions,
    'if (decision.stands && decision.to === "done" && row.state !== "done") evolve(store, bound)',
    'if (decision.stands && decision.to === "done" && row.state === "done") evolve(store, bound)'
  ),
  one(
    "a batch of repeats is another one each time that it is sent",
    "src/kernel/Recorder.ts",
    "const recorded = yield* retried(ledger.record(batch), recordRetry)",
    "const recorded = yield* Effect.retry(Effect.flatMap(Identifiers.ordered, (id) => ledger.record({ ...batch, id, repeats: batch.repeats.map((repeat) => ({ ...repeat, receiptId: `${id}-${repeat.receiptId}` })) })), recordRetry)"
  ),
  one(
    "a settlement without an answer is not tried again",
    dispatch,
    "return yield* Effect.orDie(retried(ledger.settle(settlement), settleRetry))",
    "return yield* Effect.orDie(ledger.settle(settlement))"
  ),
  one(
    "a wake-up is lost between the last look and the end of a lane",
    lanes,
    "mailboxes.delete(name)\n            return",
    'yield* Effect.sleep("5 millis")\n            mailboxes.delete(name)\n            return'
  ),
  one(
    "another payload under the same key joins the flight",
    flights,
    "if (current.fingerprint === ask.fingerprint) {",
    'if (current.fingerprint !== "") {'
  ),
  one(
    "a transaction commits whoever has the attempt by then",
    "src/kernel/LedgerMemory.ts",
    "if (isFenced(rowOf(key))) return settledBefore(store, receiptId) ?? fenced",
    "if (rowOf(key) === undefined) return settledBefore(store, receiptId) ?? fenced"
  ),
  one(
    "a resend is claimed beside what is in flight",
    claims,
    'if (obstacle !== undefined && !(row.passedDoubt && obstacle._tag === "LaneHeld")) return verdictOf(obstacle)',
    'if (obstacle !== undefined && obstacle._tag === "LaneHeld") return verdictOf(obstacle)'
  )
]
