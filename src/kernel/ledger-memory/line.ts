/**
 * line: who waits for which lane, in the order of their turns, in memory.
 */
import { nameOf } from "../Bell.ts"
import type { Place } from "../Ledger.ts"
import { hex } from "../../domain/Digest.ts"
import { isAlive, type Store, type Ticket } from "./Store.ts"

/** The places that count: a dead worker's are void. */
const lineOf = (store: Store, lane: string, now: number): ReadonlyArray<Ticket> =>
  (store.tickets.get(lane) ?? []).filter(({ worker }) => isAlive(store, worker, now))

/** Whether another worker's turn comes before the given one's. */
export const othersAhead = (store: Store, { lane, worker }: Place, now: number): boolean => {
  const [first] = lineOf(store, hex(lane), now)
  return first !== undefined && first.worker !== worker
}

/** Whether another worker waits. */
export const othersWait = (store: Store, { lane, worker }: Place, now: number): boolean =>
  lineOf(store, hex(lane), now).some((ticket) => ticket.worker !== worker)

/** Takes a place; calls whoever is first while the lane is free, or takes a place that was not used in time away. */
export const queueIn = (
  store: Store,
  { lane, worker }: Place,
  turnMillis: number,
  laneIsFree: boolean,
  now: number
): void => {
  const name = hex(lane)
  const line = lineOf(store, name, now)
  const [first, ...rest] = line
  const moved = (): ReadonlyArray<Ticket> => {
    if (first === undefined || first.worker === worker || !laneIsFree) return line
    if (first.calledAtMillis === null) return [{ ...first, calledAtMillis: now }, ...rest]
    return first.calledAtMillis + turnMillis <= now ? rest : line
  }
  const standing = moved()
  const isThere = standing.some((ticket) => ticket.worker === worker)
  store.tickets.set(name, isThere ? standing : [...standing, { worker, calledAtMillis: null }])
}

/** Gives a place up. */
export const withdraw = (store: Store, { lane, worker }: Place): void => {
  const name = hex(lane)
  const left = (store.tickets.get(name) ?? []).filter((ticket) => ticket.worker !== worker)
  if (left.length === 0) store.tickets.delete(name)
  else store.tickets.set(name, left)
}

/** Tells whoever is first that the lane may have come free. */
export const callNext = (store: Store, lane: string, now: number): void => {
  const [first] = lineOf(store, lane, now)
  if (first !== undefined) store.bell.ring(nameOf({ lane: Buffer.from(lane, "hex"), worker: first.worker }))
}

/** Whether a chain of waiting leads from one entity to another. */
export const leadsTo = (store: Store, from: string, to: string, now: number): boolean => {
  const edges = [...store.waiting.values()].filter(({ worker }) => isAlive(store, worker, now))
  const reached = new Set([from])
  for (const name of reached) {
    for (const { awaits, inside } of edges) if (inside === name) reached.add(awaits)
  }
  return reached.has(to)
}
