/**
 * Stage: what the story is played on. A mail server in a process of its own, a chat, a Postgres, and
 * processes of the shop that can be started and killed. What has really happened is counted at the servers.
 */
import { PgClient } from "@effect/sql-pg"
import { Context, Duration, Effect, Exit, Layer, Redacted, Schedule, Schema, Scope, Stream } from "effect"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"
import { fileURLToPath } from "node:url"
import * as FibricEmbedded from "fibric/embedded"
import * as MailServer from "../../demo/parts/MailServer.ts"
import * as FakeSlack from "../../test/support/FakeSlack.ts"

/** The story went another way than it is told. */
export class OffScript extends Schema.TaggedError<OffScript>()("OffScript", { sentence: Schema.String }) {
  override get message() {
    return this.sentence
  }
}

/** What is seen of an order from outside, and in the ledger's public views. */
export interface Seen {
  /** Mails that the mail server took. */
  readonly mails: number
  /** Messages that stand in the channel. */
  readonly chats: number
  /** Doubts that nobody has answered yet. */
  readonly openDoubts: number
  /** How many receipts there are of an outcome, by `sum(count)`. */
  readonly of: (outcome: string) => number
}

/** A process of the shop. */
export interface Worker {
  /** SIGKILL: nothing is put in order, nothing is written any more. */
  readonly kill: Effect.Effect<void>
  /** It puts everything in order, and ends. */
  readonly dismiss: Effect.Effect<void>
}

export class Stage extends Context.Service<
  Stage,
  {
    readonly mail: MailServer.MailServer
    readonly chat: FakeSlack.FakeSlack
    /** Starts a process of the shop, whose operator has this name. Returns when it works. */
    readonly start: (operator?: string) => Effect.Effect<Worker, OffScript>
    readonly seen: (order: string) => Effect.Effect<Seen, OffScript>
    /** Returns what is seen once it is so; `OffScript` where it isn't within a minute. */
    readonly until: (
      order: string,
      what: string,
      isSo: (seen: Seen) => boolean
    ) => Effect.Effect<Seen, OffScript>
    /** How many receipts there are in all. */
    readonly receipts: Effect.Effect<number, OffScript>
  }
>()("fibric/examples/shipping/Stage") {}

const patience = Duration.minutes(1)

const make = Effect.fnUntraced(function* (
  mail: MailServer.MailServer,
  chat: FakeSlack.FakeSlack,
  databaseUrl: Redacted.Redacted<string>
) {
  const sql = yield* PgClient.PgClient
  const spawner = yield* Effect.context<ChildProcessSpawner.ChildProcessSpawner>()
  const stage = yield* Effect.scope

  const start = Effect.fnUntraced(
    function* (operator = "shipping") {
      const scope = yield* Scope.fork(stage)
      const child = yield* ChildProcess.make(process.execPath, [...conditions(), script], {
        env: {
          DATABASE_URL: databaseUrl,
          SMTP_PORT: Redacted.make(String(mail.smtpPort)),
          SLACK_URL: Redacted.make(chat.url),
          SLACK_TOKEN: Redacted.make(FakeSlack.token),
          OPERATOR: Redacted.make(operator)
        },
        extendEnv: true,
        stdin: Stream.never,
        stderr: "inherit",
        killSignal: "SIGKILL"
      }).pipe(Scope.provide(scope))
      const ready = yield* child.stdout.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.take(1),
        Stream.runCollect
      )
      if (ready.length === 0)
        return yield* new OffScript({ sentence: "A process of the shop did not start." })
      const end = (signal: "SIGKILL" | "SIGTERM") =>
        Effect.ignore(child.kill({ killSignal: signal })).pipe(Effect.andThen(Scope.close(scope, Exit.void)))
      return { kill: end("SIGKILL"), dismiss: end("SIGTERM") }
    },
    Effect.catchTag("PlatformError", ({ message }) => Effect.fail(new OffScript({ sentence: message }))),
    Effect.provideContext(spawner)
  )

  const seen = Effect.fnUntraced(
    function* (order: string) {
      const outcomes = yield* sql<{ outcome: string; receipts: number }>`
        SELECT outcome, sum(count)::int AS receipts FROM fibric.receipts
        WHERE entity_type = 'order' AND entity_id = ${order} GROUP BY outcome`
      const [doubts] = yield* sql<{ open: number }>`
        SELECT count(*)::int AS open FROM fibric.doubts WHERE entity_type = 'order' AND entity_id = ${order}`
      const mails = (yield* mail.mails).filter(({ subject }) => subject === `Your order ${order}`)
      const chats = (yield* chat.messages).filter(({ text }) => text.startsWith(`Order ${order} `))
      return {
        mails: mails.length,
        chats: chats.length,
        openDoubts: doubts?.open ?? 0,
        of: (outcome: string) => outcomes.find((row) => row.outcome === outcome)?.receipts ?? 0
      } satisfies Seen
    },
    Effect.mapError(({ message }) => new OffScript({ sentence: message }))
  )

  return Stage.of({
    mail,
    chat,
    start,
    seen,
    until: (order, what, isSo) =>
      Effect.repeat(seen(order), { until: isSo, schedule: Schedule.spaced("50 millis") }).pipe(
        Effect.timeoutOrElse({
          duration: patience,
          orElse: () =>
            new OffScript({ sentence: `Of order ${order} it is not so within a minute: ${what}.` })
        })
      ),
    receipts: sql<{
      receipts: number
    }>`SELECT coalesce(sum(count), 0)::int AS receipts FROM fibric.receipts`.pipe(
      Effect.map(([row]) => row?.receipts ?? 0),
      Effect.mapError(({ message }) => new OffScript({ sentence: message }))
    )
  })
})

const script = fileURLToPath(new URL("./worker.ts", import.meta.url))

// Node's flags and conditions go along, a test runner's own (loaders, inspectors) stay.
const conditions = () => process.execArgv.filter((flag) => /^--conditions=|^-C/.test(flag))

/** Sets the stage, with a client for the database, and clears it away when it closes. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const [mail, chat, database] = yield* Effect.all(
      [MailServer.make(), FakeSlack.make(), FibricEmbedded.database()],
      { concurrency: "unbounded" }
    )
    return Layer.effect(Stage, make(mail, chat, database.url)).pipe(
      Layer.provideMerge(FibricEmbedded.layerClient(database.url))
    )
  })
)
