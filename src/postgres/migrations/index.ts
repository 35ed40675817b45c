/**
 * The schema of the ledger, one numbered step after another. A step that has landed anywhere is never
 * changed; what comes later is a new step, and workers of the version before go on while it is made. A
 * step is one transaction and changes one of the tables that workers use.
 *
 * Everything lives in the schema `fibric`. The views `receipts`, `doubts`, `seals`, `outbox` and `dead_letters`
 * are public, and so is the function `propose`: they are documented in the database and stay; the tables are
 * the ledger's own.
 */
import { ledgerAndReceipts } from "./0001-ledger-and-receipts.ts"
import { attempts, attemptsIndexes } from "./0002-attempts.ts"
import { receiptsSayMore } from "./0003-receipts-say-more.ts"
import { lanes, lanesIndexes, lanesReplaced } from "./0004-lanes.ts"
import { superseded } from "./0005-superseded.ts"
import { receiptsAge } from "./0006-receipts-age.ts"
import { receiptsBounded } from "./0007-receipts-bounded.ts"
import { receiptMonths, receiptMonthsIndexes } from "./0008-receipt-months.ts"
import { seals } from "./0009-seals.ts"
import { views } from "./0010-public-views.ts"
import { outbox } from "./0011-outbox.ts"
import { proposing } from "./0012-proposing.ts"
import { outboxViews } from "./0013-outbox-views.ts"

/** All steps by number and name. The highest number is the schema that this version knows. */
export const migrations = {
  "0001_ledger_and_receipts": ledgerAndReceipts,
  "0002_attempts": attempts,
  "0003_receipts_say_more": receiptsSayMore,
  "0004_lanes": lanes,
  "0005_superseded": superseded,
  "0006_receipts_age": receiptsAge,
  "0007_receipts_bounded": receiptsBounded,
  "0008_receipt_months": receiptMonths,
  "0009_seals": seals,
  "0010_public_views": views,
  "0011_outbox": outbox,
  "0012_proposing": proposing,
  "0013_outbox_views": outboxViews
} as const

/** The newest step that this version of fibric knows. */
export const knownVersion: number = Math.max(
  ...Object.keys(migrations).map((name) => Number.parseInt(name, 10))
)

/** The indexes that are made while others write, by name, in order. */
export const onlineIndexes: Readonly<Record<string, string>> = {
  ...attemptsIndexes,
  ...lanesIndexes,
  ...receiptMonthsIndexes
}

/** The indexes that newer ones have replaced, dropped while others write. */
export const replacedIndexes: ReadonlyArray<string> = [...lanesReplaced]
