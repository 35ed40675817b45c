/**
 * Judge: what must hold in every simulation, looked at from outside. It goes by the world's own record and
 * by the ledger's rows, never by what a process believes, and says by name what was violated.
 */
import { hex, isAlive, type Row, type Store } from "../../kernel/ledger-memory/Store.ts"
import type { Statement } from "../../kernel/LedgerMemory.ts"
import type { Begun, Happened } from "./World.ts"

/** Each invariant, and what it says. */
export const invariants = {
  ONE_EFFECT:
    "a key has at most one effect, unless it was released on somebody's word, or the ledger's clock was set back by more than a resend's margin",
  CLAIM_FIRST: "an effect is begun for an attempt that the ledger gave to it",
  FRESH_START:
    "a call begins while its attempt is performing, unless its process was stopped, or the ledger's clock jumped",
  NO_RE_ARM: "a new attempt begins from none, from released, or as a resend that was declared and is bounded",
  ONE_IN_FLIGHT: "an entity has at most one action in flight, and at most one that holds its lane",
  NO_OVERLAP:
    "two actions of an entity don't happen side by side, unless one is in doubt and lets others pass",
  PROVEN_NONE: "an attempt that is marked as not performed or refused had no effect",
  PERFORMED: "who is told of a success has one in the world",
  SAME_RECEIPT: "everybody who is told of a success is given the same receipt and the same output",
  LOGGED: "a repeat's receipt is in the ledger before the repeat is answered",
  COUNTED: "no more repeats are written down than were asked, and all of them where nothing was lost",
  ANSWERED: "everybody who asked a process that lives is answered",
  ENDED: "when faults have ended, nothing stays in flight, and what can be found out is found out",
  TRUTH_KEPT: "a success that a living process was told of stands in the ledger",
  DONE_STAYS: "what is done stays done",
  WORD_IN_TIME: "a lookup that finds nothing releases a key only after the time that was declared for it",
  SAME_ACTION: "who asks for something else under a key is never told that it was performed",
  TURN_ORDER: "nobody claims a lane while a living worker that came before waits for it",
  STATE:
    "an entity's state changes once for each action that was performed, and is never claimed on an old one",
  ONE_RECEIPT: "a move of a key has one receipt, and that stands for it"
} as const

export type InvariantName = keyof typeof invariants

export interface Violation {
  readonly invariant: InvariantName
  readonly detail: string
  /** In milliseconds of the simulation. */
  readonly at: number
}

/** Somebody who asks a process for an action. */
export interface Asker {
  readonly name: string
  readonly fingerprint: string
  readonly isOfLivingProcess: () => boolean
  /** Nobody waits any more: it was interrupted. */
  hasLeft: boolean
  answer: Answer | undefined
}

/** What an asker was told. `isRecorded`: the ledger stands behind it. */
export interface Answer {
  readonly tag: string
  readonly isRecorded: boolean
  readonly success?: { readonly receiptId: string; readonly output: unknown }
}

const repeatOutcomes = new Set([
  "deduplicated",
  "joined",
  "conflict",
  "superseded",
  "expired",
  "saturated",
  "denied"
])

export interface Judge {
  readonly violations: ReadonlyArray<Violation>
  readonly before: (statement: Statement) => void
  readonly after: (statement: Statement) => void
  /** A process has heard the answer to a statement. */
  readonly heard: (statement: Statement) => void
  readonly begun: (begun: Begun) => void
  readonly happened: (happened: Happened, begun: Begun) => void
  readonly told: (begun: Begun) => void
  /** The ledger's clock has jumped ahead, or back, by so much. */
  readonly jumped: (byMillis: number) => void
  readonly asked: (asker: Asker) => void
  readonly answered: (asker: Asker, answer: Answer) => void
  /** A person says something about a key. */
  readonly ruled: (name: string) => void
  /** All of it is over. `isCalm`: nothing went wrong, and nobody left. */
  readonly end: (isCalm: boolean) => void
}

export interface Options {
  readonly store: Store
  readonly now: () => number
  readonly serverNow: () => number
}

export const make = ({ now, serverNow, store }: Options): Judge => {
  const violations: Array<Violation> = []
  const seen = new Map<string, Row>()
  const effects = new Map<string, Array<Happened>>()
  const onWord = new Set<string>()
  const truths: Array<Begun> = []
  const askers = new Map<string, Array<Asker>>()
  const claimedAt = new Map<string, number>()
  const changes = new Map<string, number>()
  const receiptsOf = new Map<string, number>()
  const ruled = new Set<string>()
  const heardAt = new Map<string, number>()
  let jumpedAt = -1
  let setBackMillis = 0
  let receiptsSeen = 0
  let tickets: Store["tickets"] | undefined

  const violated = (invariant: InvariantName, detail: string): void => {
    if (violations.length < 20) violations.push({ invariant, detail, at: now() })
  }

  const labelOf = (name: string): string => store.rows.get(name)?.key.label ?? name.slice(0, 8)

  const claims = new Set(["claim", "settleAndClaim"])

  const before = ({ name }: Statement): void => {
    tickets = claims.has(name) ? new Map(store.tickets) : undefined
  }

  const after = (statement: Statement): void => {
    let isChanged = false
    for (const [name, row] of store.rows) {
      const last = seen.get(name)
      if (last === row) continue
      seen.set(name, row)
      isChanged = true
      moved(name, last, row, statement)
    }
    countRepeats()
    if (isChanged) lanes()
  }

  const moved = (name: string, last: Row | undefined, row: Row, statement: Statement): void => {
    const isNewAttempt = last?.current.attempt !== row.current.attempt
    if (isNewAttempt) claimed(name, last, row, statement)
    if (last?.state === "done" && row.state !== "done")
      violated("DONE_STAYS", `${labelOf(name)} became ${row.state}`)
    if (row.state === "done" && last?.state !== "done") {
      const { basis } = row
      if (basis !== null && basis.becomes !== null) {
        const entity = hex(row.key.entityHash)
        changes.set(entity, (changes.get(entity) ?? 0) + 1)
        const version = store.entities.get(entity)?.version ?? 0
        if (version !== changes.get(entity)) {
          violated("STATE", `${row.key.label}: version ${version} after ${changes.get(entity)} changes`)
        }
      }
    }
    if (!isNewAttempt && last !== undefined && last.state !== row.state && row.receipt === last.receipt) {
      violated("ONE_RECEIPT", `${labelOf(name)} went from ${last.state} to ${row.state} without a receipt`)
    }
    for (const { attempt, evidence } of row.attempts) {
      if (evidence !== "not_performed" && evidence !== "refused") continue
      if ((effects.get(name) ?? []).some((one) => one.attempt === attempt)) {
        violated("PROVEN_NONE", `${labelOf(name)}, attempt ${attempt}, is marked ${evidence}`)
      }
    }
    if (row.attempts.some(({ evidence }) => evidence === "testimony")) onWord.add(name)
    const { recovery } = row.current
    const isByLookup = recovery._tag === "Lookup" && row.receipt?.proof === "testimony" && !ruled.has(name)
    if (isByLookup && row.state === "released" && last?.state === "in_doubt") {
      const notBefore = (claimedAt.get(`${name} ${row.current.attempt}`) ?? 0) + row.verdictAfterMillis
      // Its clock and the simulation's differ by what it has jumped.
      if (now() < notBefore && jumpedAt < 0)
        violated("WORD_IN_TIME", `${labelOf(name)} was released ${notBefore - now()} ms too early`)
    }
  }

  const claimed = (name: string, last: Row | undefined, row: Row, statement: Statement): void => {
    claimedAt.set(`${name} ${row.current.attempt}`, now())
    if (last !== undefined && last.state !== "released") {
      const { recovery } = last.current
      const first = last.attempts.find(
        ({ evidence, generation }) => generation === last.current.generation && evidence !== "not_performed"
      )
      const isDeclared =
        last.state === "in_doubt" &&
        recovery._tag === "Resend" &&
        statement.name === "resend" &&
        serverNow() < (first ?? last.current).claimedAtMillis + recovery.windowMillis &&
        last.attempts.length <
          recovery.attempts + last.attempts.filter(({ evidence }) => evidence === "not_performed").length
      if (!isDeclared)
        violated("NO_RE_ARM", `${labelOf(name)} was ${last.state} and became attempt ${row.current.attempt}`)
    }
    if (last?.state === "released") {
      const open = last.attempts.find(
        ({ evidence }) => evidence !== "not_performed" && evidence !== "refused" && evidence !== "testimony"
      )
      if (open !== undefined) {
        violated(
          "NO_RE_ARM",
          `${labelOf(name)}: attempt ${open.attempt} is open (${open.evidence ?? "silent"})`
        )
      }
    }
    if (row.basis !== null && statement.name !== "resend") {
      const version = store.entities.get(hex(row.key.entityHash))?.version ?? 0
      if (version !== row.basis.version) {
        violated("STATE", `${labelOf(name)} was claimed on version ${row.basis.version}, it is at ${version}`)
      }
    }
    const first = tickets?.get(row.lane)?.find(({ worker }) => isAlive(store, worker, serverNow()))
    if (first !== undefined && first.worker !== row.worker) {
      violated("TURN_ORDER", `${labelOf(name)} overtook a worker that waits`)
    }
  }

  /** What the indexes say on Postgres. */
  const lanes = (): void => {
    const flights = new Map<string, string>()
    const holders = new Map<string, string>()
    for (const [name, row] of store.rows) {
      const isFlying = row.state === "performing" || row.callOpen
      const holds =
        (row.state === "performing" || (row.state === "in_doubt" && row.doubtHoldsLane)) && !row.passedDoubt
      if (isFlying) one(flights, row.lane, name, "in flight")
      if (holds) one(holders, row.lane, name, "holding the lane")
    }
  }

  const one = (known: Map<string, string>, lane: string, name: string, what: string): void => {
    const other = known.get(lane)
    if (other !== undefined) violated("ONE_IN_FLIGHT", `${labelOf(name)} and ${labelOf(other)} are ${what}`)
    known.set(lane, name)
  }

  const countRepeats = (): void => {
    const { size } = store.receipts
    if (size === receiptsSeen) return
    let index = 0
    for (const [id, receipt] of store.receipts) {
      if (index++ < receiptsSeen || !repeatOutcomes.has(receipt.outcome)) continue
      const key = store.receiptKeys.get(id)
      if (key === undefined) continue
      const name = hex(key.hash)
      receiptsOf.set(name, (receiptsOf.get(name) ?? 0) + receipt.count)
    }
    receiptsSeen = size
  }

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
    const wasStopped = call.process.stoppedFrom() >= (heardAt.get(name) ?? 0)
    const hasJumped = jumpedAt >= (claimedAt.get(`${name} ${attempt.attempt}`) ?? 0)
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
    recovery._tag === "Resend" && setBackMillis > recovery.marginMillis

  const answered = (asker: Asker, answer: Answer): void => {
    asker.answer = answer
    const { name } = asker
    const told = askers.get(name) ?? []
    if (answer.isRecorded) {
      const answers = told.filter((one) => one.answer?.isRecorded === true).length
      const attempts = store.rows.get(name)?.attempts.length ?? 0
      const logged = receiptsOf.get(name) ?? 0
      if (answers > logged + attempts) {
        violated(
          "LOGGED",
          `${labelOf(name)}: ${answers} answers, ${logged} repeats written down, ${attempts} attempts`
        )
      }
    }
    if (answer.success === undefined) return
    const { output, receiptId } = answer.success
    if (store.rows.get(name)?.fingerprint !== asker.fingerprint) {
      violated("SAME_ACTION", `${labelOf(name)} was asked for with another payload, and called performed`)
    }
    const happened = effects.get(name) ?? []
    if (happened.length === 0) violated("PERFORMED", `${labelOf(name)} is said to have been performed`)
    const other = told.find((one) => one.answer?.success !== undefined && one !== asker)?.answer?.success
    if (
      other !== undefined &&
      (other.receiptId !== receiptId || JSON.stringify(other.output) !== JSON.stringify(output))
    ) {
      violated("SAME_RECEIPT", `${labelOf(name)}: ${other.receiptId} and ${receiptId}`)
    }
  }

  const end = (isCalm: boolean): void => {
    for (const [name, list] of askers) {
      for (const { answer, hasLeft, isOfLivingProcess } of list) {
        if (answer === undefined && !hasLeft && isOfLivingProcess())
          violated("ANSWERED", `${labelOf(name)} was asked for`)
      }
      const logged = receiptsOf.get(name) ?? 0
      const attempts = store.rows.get(name)?.attempts.length ?? 0
      if (logged > list.length || (isCalm && logged + Math.min(attempts, 1) !== list.length)) {
        violated(
          "COUNTED",
          `${labelOf(name)}: ${list.length} asked, ${logged} repeats written down, ${attempts} attempts`
        )
      }
    }
    for (const [name, row] of store.rows) {
      if (row.state === "performing" || row.callOpen) violated("ENDED", `${labelOf(name)} is still in flight`)
      const isFound =
        row.state === "in_doubt" && row.current.recovery._tag === "Lookup" && row.recoverAtMillis !== null
      const isLate = isFound && (row.recoverAtMillis ?? 0) < serverNow() - 60_000
      if (isLate) violated("ENDED", `${labelOf(name)} is in doubt, and nobody looks`)
    }
    for (const { name, process } of truths) {
      const state = store.rows.get(name)?.state
      if (state !== "done" && !process.isDead())
        violated("TRUTH_KEPT", `${labelOf(name)} is ${state ?? "unknown"}`)
    }
  }

  return {
    violations,
    before,
    after,
    heard: ({ key }) => {
      if (key !== undefined) heardAt.set(hex(key.hash), now())
    },
    jumped: (byMillis) => {
      jumpedAt = now()
      setBackMillis -= Math.min(0, byMillis)
    },
    begun,
    happened,
    told: (call) => void truths.push(call),
    asked: (asker) => void askers.set(asker.name, [...(askers.get(asker.name) ?? []), asker]),
    answered,
    ruled: (name) => void ruled.add(name),
    end
  }
}
