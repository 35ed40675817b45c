/**
 * The outbox in memory, as a process meets it whose way there is broken: writes that don't land, that lose
 * their answer, or that are never answered. It notes what was written.
 */
import { Effect, Layer } from "effect"
import { LedgerUnavailable, Outbox } from "fibric"

/** What a test sees of the writes, and what goes wrong with the next ones. */
export interface Box {
  /** Every write that was asked for, in order, landed or not. */
  readonly writes: Array<{
    readonly proposals: ReadonlyArray<Outbox.Proposal>
    readonly move: Outbox.Move | undefined
  }>
  /** What landed, in order. */
  readonly landed: Array<Outbox.Proposal>
  /** How many of the next writes fail before they land. */
  unreachable: number
  /** How many of the next writes land and lose their answer. */
  answerLost: number
  /** Whether writes land and are never answered: what a process that dies then sees of them. */
  silent: boolean
}

const lost = (): LedgerUnavailable =>
  new LedgerUnavailable({ operation: "put", reason: "connection refused" })

export const makeBox = (): Box => ({
  writes: [],
  landed: [],
  unreachable: 0,
  answerLost: 0,
  silent: false
})

/** An outbox behind such a way. */
export const layerTroubled = (box: Box): Layer.Layer<Outbox.Outbox, never, Outbox.Outbox> =>
  Layer.effect(
    Outbox.Outbox,
    Effect.map(Outbox.Outbox, (outbox) =>
      Outbox.Outbox.of({
        ...outbox,
        put: Effect.fnUntraced(function* (proposals, move) {
          box.writes.push({ proposals, move })
          if (box.unreachable > 0) {
            box.unreachable -= 1
            return yield* lost()
          }
          const positions = yield* outbox.put(proposals, move)
          box.landed.push(...proposals)
          if (box.answerLost > 0) {
            box.answerLost -= 1
            return yield* lost()
          }
          return box.silent ? yield* Effect.never : positions
        })
      })
    )
  )
