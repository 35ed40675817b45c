/**
 * calls: what must hold when a connector's call begins, and when its effect happens in the world.
 */
import { isAlive, type Row } from "../../../kernel/ledger-memory/Store.ts"
import type { Begun, Happened } from "../World.ts"
import type { Case } from "./Case.ts"

export const watch = (on: Case) => {
  const { claimedAt, effects, heardAt, labelOf, onWord, serverNow, store, violated } = on

  const begun = (call: Begun): void => {
    const { name } = call
    const row = store.rows.get(name)
    const attempt = row?.attempts.find((one) => one.attempt === call.call.attempt)
    if (row === undefined || attempt === undefined) {
      return violated("CLAIM_FIRST", `${call.call.key}, attempt ${call.call.attempt}, was never claimed`)
    }
    // What commits with its settlement is fenced there.
    if (attempt.recovery._tag === "Transactional") return
    // Evidence from outside can settle the key meanwhile; the flight stays the attempt's.
    const isFlying = row.state === "performing" || row.callOpen
    const isCurrent = isFlying && row.current.attempt === attempt.attempt
    // Between its last look at the clock and the call it can be stopped, and nothing can be done about that.
    const wasStopped = call.process.stoppedFrom() >= (heardAt.get(`${call.process.number} ${name}`) ?? 0)
    const hasJumped = on.jumpedAt >= (claimedAt.get(`${name} ${attempt.attempt}`) ?? 0)
    if (wasStopped || hasJumped) return
    const isOver = isCurrent && (row.doubtAtMillis <= serverNow() || !isAlive(store, row.worker, serverNow()))
    if (isOver) violated("FRESH_START", `${labelOf(name)}, attempt ${attempt.attempt}, began after its time`)
    if (!isCurrent) {
      violated(
        "FRESH_START",
        `${labelOf(name)}, attempt ${attempt.attempt}, began while the key was ${row.state}`
      )
    }
  }

  const happened = (one: Happened, call: Begun): void => {
    const before = effects.get(one.name) ?? []
    effects.set(one.name, [...before, one])
    const row = store.rows.get(one.name)
    if (before.length > 0 && !onWord.has(one.name) && !(row !== undefined && isBeyondMargin(row))) {
      violated(
        "ONE_EFFECT",
        `${labelOf(one.name)}: attempts ${[...before, one].map(({ attempt }) => attempt).join(", ")}`
      )
    }
    const marked = row?.attempts.find(({ attempt }) => attempt === one.attempt)?.evidence
    // A call that was told to have failed without effect, and had one.
    if (marked === "not_performed" || marked === "refused") {
      violated("PROVEN_NONE", `${labelOf(one.name)}, attempt ${one.attempt}, is marked ${marked}`)
    }
    if (row === undefined) return
    for (const [name, others] of effects) {
      if (name === one.name) continue
      const other = store.rows.get(name)
      if (other?.lane !== row.lane) continue
      const isRunning = others.some(
        ({ attempt, beganAt, endsAt }) =>
          attempt === other.current.attempt && beganAt <= one.beganAt && one.beganAt < endsAt
      )
      const isCurrent = row.state === "performing" && row.current.attempt === call.call.attempt
      if (isRunning && isCurrent && other.state === "performing") {
        violated("NO_OVERLAP", `${labelOf(one.name)} happened within ${labelOf(name)}`)
      }
    }
  }

  /** Where the ledger's clock is set back by more than its margin, a window looks open that is not. */
  const isBeyondMargin = ({ current: { recovery } }: Row): boolean =>
    recovery._tag === "Resend" && on.setBackMillis > recovery.marginMillis

  return { begun, happened }
}
