/**
 * effects: whether what has happened in the world is what the ledger says has happened: once, claimed
 * before, one at a time for an entity, and as its receipts say.
 */
import { recognisedMillis } from "../promises.ts"
import { labelOf } from "../Wish.ts"
import type { Histories } from "./history.ts"
import { by, effectsOf, type Receipt, type Record } from "./Record.ts"
import type { Ordered } from "../OutsideWorld.ts"
import type { Violation } from "./Violation.ts"

/** Two effects of one key. Somebody's word (`releaseAfter`) is no proof: a key that it released may have two. */
export const duplicates = (record: Record): ReadonlyArray<Violation> => {
  const released = new Set(record.receipts.filter(({ proof }) => proof === "testimony").map(({ key }) => key))
  const declared = (key: string) => key.startsWith("release:") && released.has(key)
  return [...by(effectsOf(record), ({ key }) => key)]
    .filter(([key, effects]) => effects.length > 1 && !declared(key) && !outlived(record, key))
    .map(([key, effects]) => ({
      name: "DUPLICATE",
      sentence: `${key} happened ${effects.length} times, by the attempts ${effects.map(({ attempt }) => attempt).join(", ")}`
    }))
}

/**
 * A request that was claimed while the provider would recognise its key, and was asleep until it did not
 * any more: nobody can call it back.
 */
const outlived = ({ attempts, orders }: Record, key: string): boolean => {
  if (!key.startsWith("resend:")) return false
  const own = orders.filter((order) => labelOf(order) === key && order.effect !== null)
  const [first] = own
  const others = own.slice(1).filter(({ recognised }) => !recognised)
  return (
    first !== undefined &&
    others.every(({ arrivedAt, attempt }) => {
      const claimedAt = attempts.find((one) => one.key === key && one.attempt === attempt)?.claimedAt
      return (
        arrivedAt > first.arrivedAt + recognisedMillis &&
        claimedAt !== undefined &&
        claimedAt < first.arrivedAt + recognisedMillis
      )
    })
  )
}

const claimToleranceMillis = 20

/** Each order's attempt has to be known, with its claim before the order. */
export const unclaimed = ({ attempts, orders, transacted }: Record): ReadonlyArray<Violation> => {
  const claims = new Map(attempts.map((attempt) => [`${attempt.key} ${attempt.attempt}`, attempt.claimedAt]))
  const sent = [
    ...orders.map((order) => ({ key: labelOf(order), attempt: order.attempt, at: order.arrivedAt })),
    ...transacted.map(({ attempt, ...change }) => ({
      key: labelOf({ capability: "transact", ...change }),
      attempt,
      at: Infinity
    }))
  ]
  return sent.flatMap(({ at, attempt, key }): ReadonlyArray<Violation> => {
    const claimedAt = claims.get(`${key} ${attempt}`)
    if (claimedAt !== undefined && claimedAt <= at + claimToleranceMillis) return []
    const what =
      claimedAt === undefined ? "was never claimed" : `was claimed ${Math.round(claimedAt - at)} ms later`
    return [{ name: "NO-CLAIM", sentence: `${key} was ordered by attempt ${attempt}, which ${what}` }]
  })
}

interface Run {
  readonly order: Ordered
  readonly key: string
  readonly beganAt: number
  readonly endedAt: number
}

/**
 * Two keys of an entity under way in the world at once, neither of them settled by outside evidence nor
 * released on somebody's word by then. A doubt does not excuse: here it holds the lane.
 */
export const overlaps = (record: Record, histories: Histories): ReadonlyArray<Violation> => {
  const runs = record.orders
    .filter(({ effect, recognised }) => effect !== null && !recognised)
    .map((order): Run => ({
      order,
      key: labelOf(order),
      beganAt: order.arrivedAt,
      endedAt: order.endedAt ?? Infinity
    }))
  return [...by(runs, ({ order }) => order.entity).values()].flatMap((own) =>
    own.flatMap((later, index) =>
      own
        .slice(0, index)
        .filter((earlier) => earlier.key !== later.key && earlier.endedAt > later.beganAt)
        .filter((earlier) => ![earlier, later].some((run) => isOver(run, later.beganAt, histories)))
        .map((earlier): Violation => ({
          name: "OVERLAP",
          sentence: `${later.key} began while ${earlier.key} was under way, ${said(earlier, later.beganAt, histories)}`
        }))
    )
  )
}

/** Whether the key had left the lane at the time by something else than this call's end or a proof. */
const isOver = ({ endedAt, key }: Run, at: number, histories: Histories): boolean => {
  const last = histories.at(key, at)
  if (last?._tag !== "Moved") return false
  const { outcome, proof } = last.receipt
  if (outcome === "resolved" || outcome === "abandoned" || outcome === "duplicate_observed") return true
  if (outcome === "performed") return at < endedAt
  return outcome === "released" && proof === "testimony"
}

const said = ({ key }: Run, at: number, histories: Histories): string => {
  const last = histories.at(key, at)
  if (last === undefined) return "of which the ledger knew nothing"
  return last._tag === "Claimed"
    ? "and not settled"
    : `and called ${last.receipt.outcome} (${last.receipt.proof})`
}

/**
 * A key that is done has an effect. An attempt that a receipt calls refused, or released on proof, has none,
 * whatever became of its key; nor has any of a key that ends so.
 */
export const phantoms = (record: Record, histories: Histories): ReadonlyArray<Violation> => {
  const effects = by(effectsOf(record), ({ key }) => key)
  const isDenied = ({ outcome, proof }: Receipt) =>
    outcome === "refused" || (outcome === "released" && proof !== "testimony")
  const phantom = (sentence: string): Violation => ({ name: "PHANTOM", sentence })
  return [
    ...record.rows.flatMap(({ key, state }) => {
      const happened = effects.get(key) ?? []
      if (state === "done")
        return happened.length > 0 ? [] : [phantom(`${key} is done, and nothing happened`)]
      const moved = histories.of(key).filter((moment) => moment._tag === "Moved")
      const ends = state === "released" || state === "refused"
      // Where somebody's word has released it before, an earlier attempt may have happened all the same.
      const isProven = ends && moved.every(({ receipt }) => receipt.proof !== "testimony")
      return isProven && happened.length > 0 ? [phantom(`${key} is ${state}, and it happened`)] : []
    }),
    ...record.receipts
      .filter(isDenied)
      .flatMap(({ attempt, key, outcome, proof }) =>
        (effects.get(key) ?? []).some((effect) => effect.attempt === attempt)
          ? [phantom(`attempt ${attempt} of ${key} was called ${outcome} (${proof}), and it happened`)]
          : []
      )
  ]
}
