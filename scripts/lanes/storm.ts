/**
 * storm: claims and settlements of the same entities that stand in no line. The kernel's lines are so
 * orderly that a claim hardly ever meets a settlement; here they are sent to Postgres's ledger at once, by
 * several processes, each claim on the state that was seen right before. What keeps them apart, and out
 * of each other's locks, is the ledger's statements alone.
 */
import { Clock, Effect, Random } from "effect"
import { IdempotencyKey, Identifiers, LedgerTransaction, Recovery } from "fibric"
import { type Claim, Ledger, type Settlement } from "../../src/kernel/Ledger.ts"
import { elapsedMillis } from "../../src/kernel/Stopwatch.ts"
import { Thing } from "./changes.ts"
import type { Command } from "./Command.ts"
import type { OutsideWorld } from "./OutsideWorld.ts"

const leaseMillis = 60_000

/** What a storm does with the state: as the capabilities of these names do. */
const kinds = ["counted", "guarded", "transacted"] as const

const longestPauseMillis = 4

/** Lets it storm; answers with how many effects there were, and how many statements were not answered. */
export const make = Effect.fnUntraced(function* (
  { atOnce, entities, holdMillis, seconds }: Command & { readonly _tag: "Storm" },
  name: string,
  world: OutsideWorld
) {
  const ledger = yield* Ledger
  const worker = yield* Identifiers.token
  yield* ledger.beat(worker, Math.max(leaseMillis, seconds * 2_000))
  let performed = 0
  let unavailable = 0

  const once = Effect.fnUntraced(function* (entity: string, kind: (typeof kinds)[number]) {
    const occasion = yield* Identifiers.token
    const key = new IdempotencyKey.IdempotencyKey(kind, Thing.at(entity), occasion)
    const lane = key.entityHash
    const { state, version } = yield* ledger.look(key, { lane, worker })
    yield* Effect.sleep(yield* Random.nextBetween(0, longestPauseMillis))
    const token = yield* Identifiers.token
    const changes = kind !== "guarded"
    const claim: Claim = {
      key,
      lane,
      token,
      worker,
      seenAttempt: 0,
      doubtAfterMillis: 30_000,
      operator: name,
      fingerprint: "storm",
      paths: {},
      doubtHoldsLane: true,
      passesDoubt: false,
      // Read by nobody but the ledger: it only has to be another one each time.
      basis: {
        version,
        becomes: changes ? { shape: state?.shape ?? 0, json: `{"count":${version + 1}}` } : null
      },
      root: null,
      recovery: kind === "transacted" ? Recovery.transactional : Recovery.hold,
      deadlineMillis: 20_000,
      request: null
    }
    const verdict = yield* ledger.claim(claim)
    if (verdict._tag !== "Claimed") return
    const order = { entity, capability: kind, occasion, worker: name, waitedMillis: 0, holdMillis }
    const happens = Effect.as(Effect.orDie(world.perform(order)), {
      evidence: { _tag: "Performed", body: "{}", effectId: null },
      durationMillis: holdMillis
    } as const satisfies Pick<Settlement, "evidence" | "durationMillis">)
    const settled = { key, token, receiptId: yield* Identifiers.ordered }
    const { _tag } = yield* kind === "transacted"
      ? ledger.transact(
          settled,
          Effect.gen(function* () {
            const sql = yield* LedgerTransaction
            yield* Effect.orDie(
              sql`INSERT INTO lanes_effect (entity, occasion) VALUES (${entity}, ${occasion})`
            )
            return yield* happens
          })
        )
      : Effect.flatMap(happens, (ended) =>
          ledger.settle({ ...settled, ...ended, lane, stateOf: changes ? lane : null })
        )
    if (_tag === "Settled") performed += 1
  })

  const startedNanos = yield* Clock.monotonicTimeNanos
  const storm = Effect.fnUntraced(function* (entity: string, slot: number) {
    let round = slot
    while (elapsedMillis(startedNanos, yield* Clock.monotonicTimeNanos) <= seconds * 1_000) {
      yield* Effect.catch(once(entity, kinds[round++ % kinds.length] ?? "counted"), () =>
        Effect.sync(() => void (unavailable += 1))
      )
    }
  })
  const storms = entities.flatMap((entity) =>
    Array.from({ length: atOnce }, (_, slot) => storm(entity, slot))
  )
  yield* Effect.all(storms, { concurrency: "unbounded" })
  const failed: Record<string, number> = unavailable === 0 ? {} : { LedgerUnavailable: unavailable }
  return { performed, failed }
})
