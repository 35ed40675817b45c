/**
 * Everything that `execute` can fail with besides the capability's own refusal.
 */
import type { NotPerformed } from "./connector-errors.ts"
import type {
  Abandoned,
  InDoubt,
  InProgress,
  InsideTransaction,
  InvalidKey,
  InvalidOperator,
  InvalidPayload,
  KeyConflict,
  LedgerUnavailable,
  ShuttingDown,
  StoredRefusalUnreadable,
  Unfinished
} from "./errors.ts"
import type {
  Expired,
  GuardFailed,
  LaneBusy,
  LaneHeld,
  Saturated,
  Superseded,
  WouldDeadlock
} from "./lane-errors.ts"

/** What can be wrong with a request by itself. */
export type Rejection = InvalidKey | InvalidOperator | InvalidPayload

/** Every way in which a well-formed request can end without a receipt that settles it. */
export type Unsettled =
  | KeyConflict
  | InDoubt
  | Abandoned
  | LaneHeld
  | LaneBusy
  | Superseded
  | GuardFailed
  | Saturated
  | Expired
  | NotPerformed
  | Unfinished
  | LedgerUnavailable
  | ShuttingDown

/** Everything that `execute` can fail with besides the capability's own refusal. */
export type ExecuteError =
  | Rejection
  | Unsettled
  | StoredRefusalUnreadable
  | InProgress
  | InsideTransaction
  | WouldDeadlock
