/**
 * M, memory: what an idle entity costs, and by how much a process has grown once a million entities have
 * passed through it. Over a ledger that keeps nothing: what is held is the kernel's.
 *
 * What is bounded, such as the memory of settled receipts, is full before idle entities are counted: it is
 * told apart, and is part of the growth.
 */
import { Effect, Schema } from "effect"
import * as Child from "../../scripts/harness/Child.ts"
import { Wrong } from "../harness/Run.ts"
import { rounded } from "../harness/statistics.ts"
import type * as Contest from "./Contest.ts"

const Said = Schema.fromJsonString(
  Schema.Struct({
    effects: Schema.Int,
    heapBytes: Schema.Finite,
    boundedBytes: Schema.Finite,
    rssBytes: Schema.Finite,
    peakBytes: Schema.Finite,
    microsEach: Schema.Finite
  })
)

/** More than any bounded memory of the kernel holds. */
const remembered = 50_000

const megabyte = 2 ** 20

export const run = Effect.fnUntraced(function* ({ sizes }: Contest.Where) {
  const { entities, warm } = sizes
  const idle = entities / 10
  const filling = sizes.isWhole ? remembered : idle
  const child = yield* Child.start(new URL("../subjects/memory.ts", import.meta.url), [
    `${warm}`,
    `${filling}`,
    `${idle}`,
    `${entities}`
  ])
  const said = yield* Schema.decodeUnknownEffect(Said)(yield* child.nextLine)
  const expected = warm + filling + idle + entities
  if (said.effects !== expected) {
    return yield* new Wrong({
      findings: [`memory: ${said.effects} effects, and there have to be ${expected}`]
    })
  }
  return {
    // What was there before may be collected meanwhile: less than nothing is nothing.
    bytesPerIdleEntity: Math.max(0, Math.round(said.heapBytes / idle)),
    growthMB: Math.max(0, rounded(said.rssBytes / megabyte)),
    boundedMB: rounded(said.boundedBytes / megabyte),
    peakMB: rounded(said.peakBytes / megabyte),
    idle,
    entities,
    microsEach: rounded(said.microsEach)
  }
}, Effect.scoped)
