/**
 * OutboxMemory: the outbox in this process's memory, for unit tests. It keeps every rule of the port and
 * forgets everything with the process; there is no transaction that a proposal could be part of. Time is
 * the `Clock`'s.
 */
import { Clock, DateTime, Effect, Layer } from "effect"
import * as Entity from "../domain/Entity.ts"
import * as Identifiers from "../domain/Identifiers.ts"
import { CursorMoved, OutboxFull } from "../domain/outbox-errors.ts"
import * as Knock from "./Knock.ts"
import { type Delivered, type Move, Outbox, type Proposal, type Taken } from "./Outbox.ts"
import { Settings } from "./Settings.ts"

interface Row {
  readonly proposal: Proposal
  readonly position: bigint
  readonly proposedAtMillis: number
  readonly dueAtMillis: number
  dead: { readonly atMillis: number; readonly deliveries: number; readonly reason: string } | undefined
}

/** The row of an entity that has begun, until it has ended. */
interface Begun {
  readonly row: Row
  readonly delivery: number
  readonly failures: number
  readonly token: string | undefined
  readonly nextAtMillis: number
  readonly reason: string | null
}

interface Store {
  readonly rows: Map<bigint, Row>
  readonly begun: Map<string, Begun>
  readonly cursors: Map<string, string>
  position: bigint
}

const laneOf = ({ entity }: Proposal): string => JSON.stringify([entity.type, entity.id])
const cursorName = (operator: string, source: string): string => JSON.stringify([operator, source])

/** The waiting rows of each entity, in the order of their positions. */
const lanesIn = ({ rows }: Store): ReadonlyMap<string, ReadonlyArray<Row>> =>
  Map.groupBy(
    [...rows.values()]
      .filter(({ dead }) => dead === undefined)
      .toSorted((one, other) => (one.position < other.position ? -1 : 1)),
    ({ proposal }) => laneOf(proposal)
  )

/** The proposal that would be one too many for its entity. */
const tooMany = (store: Store, proposals: ReadonlyArray<Proposal>, capacity: number) => {
  const lanes = lanesIn(store)
  const counts = new Map<string, number>()
  return proposals.find((proposal) => {
    const lane = laneOf(proposal)
    const count = (counts.get(lane) ?? lanes.get(lane)?.length ?? 0) + 1
    counts.set(lane, count)
    return count > capacity
  })
}

const putIn = (
  store: Store,
  proposals: ReadonlyArray<Proposal>,
  move: Move | undefined,
  nowMillis: number
) => {
  if (move !== undefined) store.cursors.set(cursorName(move.operator, move.source), move.to)
  return proposals.map((proposal) => {
    store.position += 1n
    const dueAtMillis = proposal.dueAt?.epochMilliseconds ?? nowMillis
    store.rows.set(store.position, {
      proposal,
      position: store.position,
      proposedAtMillis: nowMillis,
      dueAtMillis,
      dead: undefined
    })
    return store.position
  })
}

/** What an entity has to take: the row that has begun, or the first one that is due; and since when. */
const headOf = (store: Store, lane: string, rows: ReadonlyArray<Row>, nowMillis: number) => {
  const begun = store.begun.get(lane)
  if (begun !== undefined) {
    return begun.nextAtMillis <= nowMillis ? { begun, sinceMillis: begun.nextAtMillis } : undefined
  }
  const row = rows.find(({ dueAtMillis }) => dueAtMillis <= nowMillis)
  if (row === undefined) return undefined
  const fresh: Begun = { row, delivery: 0, failures: 0, token: undefined, nextAtMillis: 0, reason: null }
  return { begun: fresh, sinceMillis: row.dueAtMillis }
}

const deliverIn = (store: Store, taken: Taken, delivered: Delivered, nowMillis: number): void => {
  const lane = laneOf(taken)
  const begun = store.begun.get(lane)
  if (begun === undefined || begun.token !== taken.token) return
  if (delivered._tag === "Renew") {
    store.begun.set(lane, { ...begun, nextAtMillis: nowMillis + delivered.afterMillis })
    return
  }
  if (delivered._tag === "Again" || delivered._tag === "Failed") {
    store.begun.set(lane, {
      ...begun,
      token: undefined,
      failures: begun.failures + (delivered._tag === "Failed" ? 1 : 0),
      nextAtMillis: nowMillis + delivered.afterMillis,
      reason: delivered.reason
    })
    return
  }
  store.begun.delete(lane)
  if (delivered._tag === "End") store.rows.delete(begun.row.position)
  else begun.row.dead = { atMillis: nowMillis, deliveries: begun.delivery, reason: delivered.reason }
}

const deadIn = (store: Store, position: bigint): Row | undefined => {
  const row = store.rows.get(position)
  return row?.dead === undefined ? undefined : row
}

export const layer: Layer.Layer<Outbox> = Layer.effect(
  Outbox,
  Effect.gen(function* () {
    const { outboxCapacity } = yield* Settings
    const { heard, knock } = Knock.make()
    const store: Store = { rows: new Map(), begun: new Map(), cursors: new Map(), position: 0n }

    return Outbox.of({
      put: Effect.fn("Outbox.put")(function* (proposals, move) {
        const now = yield* Clock.currentTimeMillis
        if (move !== undefined && store.cursors.get(cursorName(move.operator, move.source)) !== move.from) {
          return yield* new CursorMoved({ operator: move.operator, source: move.source })
        }
        const over = tooMany(store, proposals, outboxCapacity)
        if (over !== undefined) {
          return yield* new OutboxFull({ entity: Entity.label(over.entity), capacity: outboxCapacity })
        }
        const positions = putIn(store, proposals, move, now)
        yield* knock
        return positions
      }),
      cursorOf: Effect.fn("Outbox.cursorOf")((operator, source) =>
        Effect.sync(() => store.cursors.get(cursorName(operator, source)))
      ),
      take: Effect.fn("Outbox.take")(function* (capabilities, limit, leaseMillis) {
        const now = yield* Clock.currentTimeMillis
        const heads = [...lanesIn(store)]
          .map(([lane, rows]) => ({ lane, head: headOf(store, lane, rows, now) }))
          .flatMap(({ head, lane }) => (head === undefined ? [] : [{ ...head, lane }]))
          .filter(({ begun }) => capabilities.includes(begun.row.proposal.capability))
          .toSorted((one, other) => one.sinceMillis - other.sinceMillis)
        return yield* Effect.forEach(heads.slice(0, limit), ({ begun, lane }) =>
          Effect.map(Identifiers.token, (token): Taken => {
            const delivery = begun.delivery + 1
            store.begun.set(lane, { ...begun, delivery, token, nextAtMillis: now + leaseMillis })
            const { failures, row } = begun
            return { ...row.proposal, position: row.position, token, delivery, failures }
          })
        )
      }),
      deliver: Effect.fn("Outbox.deliver")((ended) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          for (const { delivered, taken } of ended) deliverIn(store, taken, delivered, now)
        })
      ),
      backlog: Effect.fn("Outbox.backlog")((limit) =>
        Effect.sync(() =>
          [...lanesIn(store)]
            .map(([lane, rows]) => ({
              lane,
              rows,
              oldestMillis: Math.min(...rows.map(({ proposedAtMillis }) => proposedAtMillis))
            }))
            .toSorted((one, other) => one.oldestMillis - other.oldestMillis)
            .slice(0, limit)
            .flatMap(({ lane, oldestMillis, rows: [first, ...more] }) =>
              first === undefined
                ? []
                : [
                    {
                      entity: first.proposal.entity,
                      waiting: 1 + more.length,
                      oldestAt: DateTime.makeUnsafe(oldestMillis),
                      reason: store.begun.get(lane)?.reason ?? null
                    }
                  ]
            )
        )
      ),
      deadLetters: Effect.fn("Outbox.deadLetters")((limit) =>
        Effect.sync(() =>
          [...store.rows.values()]
            .flatMap(({ dead, position, proposal, proposedAtMillis }) =>
              dead === undefined
                ? []
                : [
                    {
                      ...proposal,
                      position,
                      proposedAt: DateTime.makeUnsafe(proposedAtMillis),
                      buriedAt: DateTime.makeUnsafe(dead.atMillis),
                      deliveries: dead.deliveries,
                      reason: dead.reason
                    }
                  ]
            )
            .slice(0, limit)
        )
      ),
      changed: heard,
      revive: Effect.fn("Outbox.revive")(function* (position) {
        const row = deadIn(store, position)
        if (row === undefined) return false
        row.dead = undefined
        yield* knock
        return true
      }),
      drop: Effect.fn("Outbox.drop")((position) =>
        Effect.sync(() => deadIn(store, position) !== undefined && store.rows.delete(position))
      )
    })
  })
)
