/**
 * Wire: the way of a statement from a process to the ledger and back, and what gets lost on it.
 *
 * A statement takes its time to the store, lands there as one step by the store's own clock, and its answer
 * takes its time back. Either way can be lost; then the sender hears that the connection is gone, and does
 * not know whether the statement landed. What was sent can also land long after that.
 */
import { Effect, Exit } from "effect"
import { LedgerUnavailable } from "../../domain/errors.ts"
import type { Carrier, Statement } from "../../kernel/LedgerMemory.ts"
import type { FaultName } from "./Faults.ts"
import type { Process } from "./Process.ts"
import type { Seeded } from "./Seeded.ts"
import type { Timeline } from "./Timeline.ts"

/** How long a sender waits for an answer before it takes the connection for gone. */
const patienceMillis = 400

/** The server that the ledger is in, shared by all processes. */
export interface Server {
  /** Its clock, in milliseconds since the epoch. */
  readonly now: () => number
  /** Until then nothing reaches it. */
  isDownUntil: number
  /** From then on nobody is cut off from it any more. */
  isHealed: boolean
  /** Rises when it restarts: an answer of before is never given. */
  epoch: number
}

export interface Options {
  readonly process: Process
  readonly server: Server
  readonly timeline: Timeline
  readonly seeded: Seeded
  /** What goes wrong with this statement, if anything. */
  readonly faultAt: (statement: Statement) => FaultName | undefined
  /** Something goes wrong that is not the wire's own: a process is killed, the server restarts. */
  readonly befall: (fault: FaultName, statement: Statement) => void
  /** The process has the answer. */
  readonly heard: (statement: Statement) => void
  /** A statement lands: what is to be seen before and after it. */
  readonly landing: <A>(statement: Statement, land: () => A) => A
}

export const carrierOf = ({
  befall,
  faultAt,
  heard,
  landing,
  process,
  seeded,
  server,
  timeline
}: Options): Carrier["carry"] => {
  let cutOffUntil = -1

  return <A>(statement: Statement, land: (nowMillis: number) => A) =>
    Effect.callback<A, LedgerUnavailable>((resume) => {
      const fault = faultAt(statement)
      const lost = (after: number) =>
        timeline.after(after, () =>
          process.enqueue(() =>
            resume(
              Effect.fail(new LedgerUnavailable({ operation: statement.name, reason: "connection reset" }))
            )
          )
        )
      const arrive = (answers: boolean) => {
        if (server.isDownUntil > timeline.now()) {
          if (answers) lost(1)
          return
        }
        const answer = landing(statement, () => land(server.now()))
        const { epoch } = server
        if (fault !== undefined) befallLanded(fault, statement)
        if (!answers) return
        timeline.after(seeded.between(1, 5), () =>
          process.enqueue(() => {
            if (server.epoch === epoch) {
              heard(statement)
              resume(Exit.succeed(answer))
            } else {
              const reason = "the server restarted"
              resume(Effect.fail(new LedgerUnavailable({ operation: statement.name, reason })))
            }
          })
        )
      }
      if (fault === "partition") cutOffUntil = timeline.now() + seeded.between(1_000, 7_000)
      if (fault === "lose-request" || (cutOffUntil > timeline.now() && !server.isHealed))
        return lost(patienceMillis)
      if (fault === "kill-sent" || fault === "interrupt-caller") befall(fault, statement)
      const answers = fault !== "lose-reply" && fault !== "land-late"
      if (!answers) lost(patienceMillis)
      const way = fault === "land-late" ? seeded.between(500, 9_000) : seeded.between(1, 5)
      timeline.after(way, () => arrive(answers))
    })

  function befallLanded(fault: FaultName, statement: Statement): void {
    if (
      fault === "kill-landed" ||
      fault === "stop-landed" ||
      fault === "restart-ledger" ||
      fault === "jump-ahead" ||
      fault === "jump-back"
    ) {
      befall(fault, statement)
    }
  }
}
