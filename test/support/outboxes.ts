/**
 * An outbox for tests of operators: it keeps what was proposed and how far was read, in one step as the
 * real ones do, and can be told to go wrong. What it holds is delivered when a test says so.
 */
import { Clock, DateTime, Effect, Layer, Result } from "effect"
import { Action, type Capability, execute, LedgerUnavailable, Operator } from "fibric"
import { CursorMoved, OutboxFull } from "../../src/domain/outbox-errors.ts"
import { jsonOf } from "../../src/domain/PlainCodec.ts"
import { type Move, Outbox, type Proposal } from "../../src/kernel/Outbox.ts"

/** What a test sees of an outbox, and how it goes wrong. */
export interface Box {
  readonly rows: Array<Proposal & { delivered: boolean }>
  readonly cursors: Map<string, string>
  /** Every write that was asked for, in order, landed or not. */
  readonly writes: Array<{ readonly proposals: ReadonlyArray<Proposal>; readonly move: Move | undefined }>
  /** How many rows of one entity may wait. */
  capacity: number
  /** How many of the next writes fail before they land. */
  unreachable: number
  /** How many of the next writes land and lose their answer. */
  answerLost: number
  /** Whether writes land and are never answered: what a process that dies then sees of them. */
  silent: boolean
}

const nameOf = ({ operator, source }: Pick<Move, "operator" | "source">): string =>
  JSON.stringify([operator, source])

export const makeBox = () => {
  const box: Box = {
    rows: [],
    cursors: new Map(),
    writes: [],
    capacity: 1_000,
    unreachable: 0,
    answerLost: 0,
    silent: false
  }
  const lost = () => new LedgerUnavailable({ operation: "put", reason: "connection refused" })
  const refused = (proposals: ReadonlyArray<Proposal>, move: Move | undefined) => {
    if (box.unreachable > 0) {
      box.unreachable -= 1
      return lost()
    }
    if (move !== undefined && box.cursors.get(nameOf(move)) !== move.from) return new CursorMoved(move)
    const waiting = new Map<string, number>()
    for (const { entity } of [...box.rows.filter(({ delivered }) => !delivered), ...proposals]) {
      waiting.set(entity.id, (waiting.get(entity.id) ?? 0) + 1)
    }
    const full = [...waiting].find(([, count]) => count > box.capacity)
    return full && new OutboxFull({ entity: full[0], capacity: box.capacity })
  }
  const unused = () => Effect.die("nothing here delivers by itself")
  const layer = Layer.succeed(Outbox, {
    put: (proposals, move) =>
      Effect.suspend(() => {
        box.writes.push({ proposals, move })
        const refusal = refused(proposals, move)
        if (refusal !== undefined) return Effect.fail(refusal)
        box.rows.push(...proposals.map((proposal) => ({ ...proposal, delivered: false })))
        if (move !== undefined) box.cursors.set(nameOf(move), move.to)
        if (box.answerLost > 0) {
          box.answerLost -= 1
          return Effect.fail(lost())
        }
        return box.silent ? Effect.never : Effect.succeed(proposals.map((_, index) => BigInt(index)))
      }),
    cursorOf: (operator, source) => Effect.sync(() => box.cursors.get(nameOf({ operator, source }))),
    take: unused,
    deliver: unused,
    backlog: unused,
    deadLetters: unused,
    changed: Effect.never,
    revive: unused,
    drop: unused
  })
  /** Delivers what is due, in order, each in its operator's name; how each ended. */
  const deliverDue = Effect.fnUntraced(function* <C extends Capability.Any>(capability: C) {
    const now = yield* Clock.currentTimeMillis
    const due = box.rows.filter(
      ({ delivered, dueAt }) => !delivered && (dueAt === undefined || DateTime.toEpochMillis(dueAt) <= now)
    )
    return yield* Effect.forEach(due, (row) => {
      row.delivered = true
      const payload = Result.getOrThrow(jsonOf(capability.payload).decode(row.payload))
      const action = Action.make(capability, row.entity, payload, row.decidedAt)
      return Effect.result(execute(action).pipe(Operator.as(row.operator)))
    })
  })
  return { box, layer, deliverDue }
}
