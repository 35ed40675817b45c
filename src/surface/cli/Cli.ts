/**
 * The command line: for whoever decides what no program can know (`fibric doubt`), for whoever wants to
 * see what became of a request and whether that can be trusted (`fibric receipts`, `verify`, `head`) or what
 * still waits (`fibric outbox`), and for whoever keeps the ledger (`fibric ledger`). It performs nothing, and holds no lease.
 *
 * What was asked for goes to stdout, everything else to stderr. It ends with 0 when it was done, with 1
 * and a sentence when it was refused, and with 2 when the command line was not understood.
 */
import { Console, Effect, type Layer, Logger } from "effect"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import type { Ledger } from "../../kernel/Ledger.ts"
import type { Outbox } from "../../kernel/Outbox.ts"
import type { ReceiptLog } from "../../kernel/ReceiptLog.ts"
import type { Retention } from "../../kernel/Retention.ts"
import type { Roles } from "../../kernel/Roles.ts"
import type { Seals } from "../../kernel/Seals.ts"
import { doubtList } from "./DoubtList.ts"
import { checkTogether, doubtResolve } from "./DoubtResolve.ts"
import { doubtShow } from "./DoubtShow.ts"
import { ledgerAcknowledge, type ServerRecord } from "./LedgerAcknowledge.ts"
import { ledgerGrant, ledgerPurge, ledgerSeal } from "./LedgerKeep.ts"
import { outboxDead, outboxList } from "./OutboxList.ts"
import { outboxDrop, outboxRevive } from "./OutboxResolve.ts"
import { receiptsQuery } from "./ReceiptsQuery.ts"
import { receiptsShow } from "./ReceiptsShow.ts"
import { receiptsTail } from "./ReceiptsTail.ts"
import { Ended } from "./refusals.ts"
import { printable } from "./Text.ts"
import { headCommand, verify } from "./Verify.ts"

/** What the commands work on. Opened when a command runs, not for its help; why not, in a sentence. */
export interface Opened<E extends Error> {
  readonly version: string
  readonly ledger: Layer.Layer<Ledger, E>
  readonly server: Layer.Layer<ServerRecord, E>
  /** The receipts, for whoever reads them, seals them or purges them, with no more rights than that takes. */
  readonly receipts: Layer.Layer<ReceiptLog | Seals | Retention, E>
  readonly outbox: Layer.Layer<Outbox, E>
  readonly roles: Layer.Layer<Roles, E>
}

/** Runs a command line to its end. Whatever fails has been told on stderr when this fails. */
export const run = <E extends Error>(
  opened: Opened<E>,
  args: ReadonlyArray<string>
): Effect.Effect<void, Ended, Command.Environment> =>
  Command.runWith(fibric(opened), { version: opened.version })(args).pipe(
    Effect.catch((error) => {
      if (!CliError.isCliError(error) || error._tag !== "ShowHelp") {
        return Effect.andThen(Console.error(printable(error.message)), new Ended({ exitCode: 1 }))
      }
      // The presenter has told it, and help that was asked for is no failure.
      return error.errors.length === 0 ? Effect.void : new Ended({ exitCode: 2 })
    }),
    Effect.provideService(CliOutput.Presenter, presenter),
    Effect.provideService(Logger.LogToStderr, true)
  )

const fibric = <E extends Error>({ ledger, outbox, receipts, roles, server }: Opened<E>) =>
  Command.make("fibric").pipe(
    Command.withDescription(
      "What fibric did and prevented, and what it can't know and a person can. Reads DATABASE_URL. Ends with 0 when it was done, with 1 when it was refused, with 2 when the command line was not understood."
    ),
    Command.withSubcommands([
      Command.make("doubt").pipe(
        Command.withDescription("What was sent and perhaps performed, with no outcome known"),
        Command.withSubcommands([
          Command.provide(doubtList, ledger),
          Command.provide(doubtShow, ledger),
          Command.provideEffectDiscard(Command.provide(doubtResolve, ledger), checkTogether)
        ])
      ),
      Command.make("ledger").pipe(
        Command.withDescription("The table that decides who may call a connector"),
        Command.withSubcommands([
          Command.provide(ledgerAcknowledge, server),
          Command.provide(ledgerGrant, roles),
          Command.provide(ledgerSeal, receipts),
          Command.provide(ledgerPurge, receipts)
        ])
      ),
      Command.make("outbox").pipe(
        Command.withDescription("What was proposed and waits to be delivered, and what could not be"),
        Command.withSubcommands([
          Command.provide(outboxList, outbox),
          Command.provide(outboxDead, outbox),
          Command.provide(outboxRevive, outbox),
          Command.provide(outboxDrop, outbox)
        ])
      ),
      Command.make("receipts").pipe(
        Command.withDescription("What became of every request"),
        Command.withSubcommands([
          Command.provide(receiptsQuery, receipts),
          Command.provide(receiptsShow, receipts),
          Command.provide(receiptsTail, receipts)
        ])
      ),
      Command.provide(verify, receipts),
      Command.provide(headCommand, receipts)
    ])
  )

const plain = CliOutput.defaultFormatter({ colors: false })

/** As the default, but for what was not understood: a sentence and where to read on, and nothing on stdout. */
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Console.error(
          [
            ...event.errors.map(plain.formatCliError),
            `Nothing was changed; "${event.commandPath.join(" ")} --help" says how.`
          ].join("\n")
        )
      : CliOutput.defaultPresenter.present(event)
}
