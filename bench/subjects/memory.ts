/**
 * memory: the process of M. The whole corridor over a ledger that keeps nothing and has settled everything at
 * once, so that what the process holds is the kernel's alone. It prints one line of JSON and ends.
 *
 * Usage: memory.ts <to warm up> <to fill bounded memories> <to count idle ones by> <to pass through>, in entities
 */
import { DateTime, Effect, Layer, Logger, Schema } from "effect"
import { Capability, Connector, Entity, execute, Receipt, Recovery } from "fibric"
import { writeSync } from "node:fs"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Ledger, type Settlement } from "../../src/kernel/Ledger.ts"
import * as ReceiptLog from "../../src/kernel/ReceiptLog.ts"
import * as Runtime from "../../src/kernel/Runtime.ts"

const Thing = Entity.make("thing")

const Touch = Capability.make("touch", {
  entity: Thing,
  payload: { amount: Schema.Int },
  success: Schema.Void,
  occasion: () => "once",
  recovery: Recovery.hold,
  deadline: "20 seconds"
})

const at = DateTime.makeUnsafe(0)

const receiptOf = ({ durationMillis, receiptId }: Settlement): Receipt =>
  new Receipt({
    id: receiptId,
    at,
    outcome: "performed",
    operator: "bench",
    capability: "touch",
    key: "a key",
    entity: { type: "thing", id: "an entity" },
    attempt: 1,
    count: 1,
    refersTo: null,
    durationMillis,
    proof: null,
    reason: null,
    body: "null",
    checkAfter: null
  })

const unasked = () => Effect.die("Bug: the load asks for this never")

const layerLedger = Layer.succeed(
  Ledger,
  Ledger.of({
    pathSecret: "a secret",
    find: () => Effect.undefined,
    claim: () => Effect.succeed({ _tag: "Claimed", attempt: 1, generation: 0 }),
    settle: (settlement) => Effect.succeed({ _tag: "Settled", receipt: receiptOf(settlement) }),
    settleAndClaim: (settlement) =>
      Effect.succeed({
        applied: { _tag: "Settled", receipt: receiptOf(settlement) },
        claimed: { attempt: 1, generation: 0 }
      }),
    now: Effect.succeed(0),
    record: () => Effect.succeed({ _tag: "Recorded", receipts: [], moved: [] }),
    beat: () => Effect.succeed(true),
    reap: () => Effect.succeed([]),
    takeDue: () => Effect.succeed([]),
    doubts: () => Effect.succeed([]),
    leave: () => Effect.void,
    called: () => Effect.never,
    resend: unasked,
    apply: unasked,
    transact: unasked,
    look: unasked,
    queue: unasked,
    waitFor: unasked,
    waitNoMore: unasked,
    leaveToPerson: unasked,
    inspect: unasked
  })
)

const layerLog = Layer.succeed(
  ReceiptLog.ReceiptLog,
  ReceiptLog.ReceiptLog.of({
    byKey: unasked,
    byId: unasked,
    query: unasked,
    after: unasked,
    totals: unasked,
    committed: () => Effect.void
  })
)

let effects = 0
const connector = Connector.make("counter", Touch).toLayer({
  touch: () =>
    Effect.sync(() => {
      effects += 1
    })
})

setFlagsFromString("--expose-gc")
// The only way to it in a process that was not started for it.
const collect = runInNewContext("gc") as () => void

/** What is held once all that is not has been collected. */
const held = Effect.gen(function* () {
  for (let time = 0; time < 4; time++) {
    collect()
    yield* Effect.sleep("50 millis")
  }
  const { external, heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed + external, rss }
})

const inFlight = 256

/** Has so many new entities act once each. */
const pass = (name: string, entities: number) => {
  let next = 0
  const loop = Effect.gen(function* () {
    for (let number = next++; number < entities; number = next++) {
      yield* execute(Touch.propose(Thing.at(`${name}-${number}`), { amount: 4_200 }))
    }
  })
  return Effect.all(
    Array.from({ length: inFlight }, () => loop),
    { concurrency: "unbounded", discard: true }
  )
}

const [warm = 0, filling = 0, idle = 0, passing = 0] = process.argv.slice(2).map(Number)

const program = Effect.gen(function* () {
  yield* pass("warm", warm)
  const fresh = yield* held
  // Bounded memories fill up: they are no entity's.
  yield* pass("filling", filling)
  const before = yield* held
  yield* pass("idle", idle)
  const withIdle = yield* held
  const startedAt = performance.now()
  yield* pass("passing", passing)
  const millis = performance.now() - startedAt
  const after = yield* held
  return {
    effects,
    heapBytes: withIdle.heap - before.heap,
    boundedBytes: before.heap - fresh.heap,
    rssBytes: after.rss - fresh.rss,
    peakBytes: process.resourceUsage().maxRSS * 1_024 - fresh.rss,
    microsEach: (millis / passing) * 1_000
  }
})

const layer = connector.pipe(
  Layer.provideMerge(Runtime.layer),
  Layer.provide([layerLedger, layerLog]),
  Layer.provideMerge(Logger.layer([]))
)
writeSync(1, `${JSON.stringify(await Effect.runPromise(Effect.provide(program, layer)))}\n`)
process.exit(0)
