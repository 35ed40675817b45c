/**
 * fibric: the public names, nothing else.
 */
export * as Action from "./domain/Action.ts"
export * as Capability from "./domain/Capability.ts"
export * as Entity from "./domain/Entity.ts"
export * from "./domain/connector-errors.ts"
export * from "./domain/errors.ts"
export * as Guard from "./domain/Guard.ts"
export * from "./domain/lane-errors.ts"
export * from "./domain/outbox-errors.ts"
export * from "./domain/verdict-errors.ts"
export * as IdempotencyKey from "./domain/IdempotencyKey.ts"
export * as Identifiers from "./domain/Identifiers.ts"
export { NotStoppedThere } from "./domain/operator-errors.ts"
export { Content, Volatile } from "./domain/PayloadField.ts"
export { type Outcome, type Performed, Receipt } from "./domain/Receipt.ts"
export { type Change, CursorUnusable, type Page, type ReceiptFilter } from "./domain/ReceiptFilter.ts"
export * as Recovery from "./domain/Recovery.ts"
export * as Fibric from "./host/memory.ts"
export * as Outbox from "./host/outbox.ts"
export * as Connector from "./kernel/Connector.ts"
export type { Connectors } from "./kernel/Connectors.ts"
export {
  awaitReceipt,
  execute,
  Executor,
  type ExecuteError,
  type ExecuteOptions,
  receiptOf,
  stateOf
} from "./kernel/Executor.ts"
export { LedgerTransaction } from "./kernel/LedgerTransaction.ts"
export type { EntityState } from "./kernel/States.ts"
export { type QueryOptions, ReceiptLog } from "./kernel/ReceiptLog.ts"
export type { Call, ProgramCall } from "./kernel/Sealed.ts"
export * as Settings from "./kernel/Settings.ts"
export { tail, type TailOptions } from "./kernel/Tail.ts"
export { Recoverer } from "./kernel/Recoverer.ts"
export { Verdicts } from "./kernel/Verdicts.ts"
export * as EventSource from "./operator/EventSource.ts"
export * as Operator from "./operator/Operator.ts"
