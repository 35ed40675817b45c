/**
 * The canary: a secret in a payload, however a call ends and whoever tells it, is found in no row, no log
 * line, no span, no metric, no error and no output.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Redacted } from "effect"
import { execute, Fibric } from "fibric"
import * as FibricPostgres from "fibric/postgres"
import { ledgerDatabase } from "../support/database.ts"
import { typed } from "../surface/support.ts"
import { endings, layerDoors, Unlock, UnlockInLedger } from "./doors.ts"
import { formsFound, listening, rowsOf, shown } from "./searched.ts"

const Door = Unlock.entity

/** Quotes, a backslash, something beyond ASCII, and what a URL must escape. */
const pin = `ca"nary\\pin-ü/4711&=`
const code = `canary'code?%+♥`
/** No secret: it must be found, or nothing would be. */
const note = "canary-in-the-open"

const payload = (ending: (typeof endings)[number], ofPin: string) => ({
  pin: Redacted.make(ofPin),
  more: { codes: [Redacted.make("x"), Redacted.make(code)] },
  note,
  ending
})

const ask = (id: string, ending: (typeof endings)[number], { pin: other = pin } = {}) =>
  execute(Unlock.propose(Door.at(id), payload(ending, other)))

const askInLedger = (id: string, ending: (typeof endings)[number]) =>
  execute(UnlockInLedger.propose(Door.at(`in-ledger-${id}`), payload(ending, pin)))

/**
 * Every ending, asked for twice at once and once more after it, and a conflict; and once in a transaction.
 * What each caller was told.
 */
const everything = Effect.gen(function* () {
  const told: Array<string> = []
  for (const [index, ending] of endings.entries()) {
    const id = String(index)
    const first = yield* Effect.all([Effect.exit(ask(id, ending)), Effect.exit(ask(id, ending))], {
      concurrency: "unbounded"
    })
    const again = yield* Effect.exit(ask(id, ending))
    const other = yield* Effect.exit(ask(id, ending, { pin: "canary of another pin" }))
    for (const exit of [...first, again, other]) told.push(`${ending}: ${shown(exit)}`)
  }
  // What was rolled back is tried again after a while: all at once.
  const inLedger = yield* Effect.forEach(
    endings,
    (ending, index) => Effect.map(Effect.exit(askInLedger(String(index), ending)), shown),
    { concurrency: "unbounded" }
  )
  return [...told, ...inLedger]
})

const nowhere = (where: string, texts: ReadonlyArray<string>) => {
  assert.isNotEmpty(texts, where)
  for (const text of texts) {
    for (const secret of [pin, code, "canary of another pin"]) {
      assert.deepStrictEqual(formsFound(text, secret), [], `${where}: ${text.slice(0, 2_000)}`)
    }
  }
}

const somewhere = (where: string, texts: ReadonlyArray<string>) =>
  assert.isTrue(
    texts.some((text) => formsFound(text, note).length > 0),
    `${where} has nothing of what is no secret: nothing was looked at`
  )

describe("a secret of a payload", () => {
  it.live("is in no row, no log line, no span, no metric, no answer and no output, on Postgres", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      const { layer, logs, metrics, spans } = listening()
      const runtime = layerDoors.pipe(
        Layer.provideMerge(FibricPostgres.layer),
        Layer.provideMerge(PgClient.layer({ url, maxConnections: 2 })),
        Layer.provideMerge(layer)
      )
      const { counted, found, told } = yield* Effect.provide(
        Effect.gen(function* () {
          const told = yield* everything
          return { told, found: yield* rowsOf(yield* PgClient.PgClient), counted: yield* metrics }
        }),
        runtime
      )
      assert.includeMembers(
        [...found.tables],
        ["fibric.ledger", "fibric.attempt", "fibric.entity", "fibric.receipt_log"]
      )
      nowhere("a row", found.rows)
      nowhere("a log line", logs())
      nowhere("a span", spans())
      nowhere("a metric", [counted])
      nowhere("an answer", told)
      const commands = [
        ["doubt", "list"],
        ["doubt", "list", "--json"],
        ["doubt", "show", "unlock:door-3:once"],
        ["receipts", "query", "--limit", "1000"],
        ["receipts", "query", "--limit", "1000", "--format", "cloudevents"]
      ] as const
      const outputs = yield* Effect.forEach(commands, (command) => typed(url, ...command))
      nowhere(
        "an output",
        outputs.map(({ stderr, stdout }) => stdout + stderr)
      )
      somewhere("rows", found.rows)
      somewhere("log lines", logs())
      somewhere("spans", spans())
      somewhere("answers", told)
      somewhere(
        "outputs",
        outputs.map(({ stdout }) => stdout)
      )
    })
  )

  it.live("is in no log line, no span and no answer, in memory", () => {
    const { layer, logs, spans } = listening()
    return Effect.gen(function* () {
      const told = yield* everything
      nowhere("a log line", logs())
      nowhere("a span", spans())
      nowhere("an answer", told)
      somewhere("answers", told)
    }).pipe(
      Effect.provide(layerDoors.pipe(Layer.provideMerge(Fibric.layerMemory), Layer.provideMerge(layer)))
    )
  })

  it.effect("reaches the connector as it is", () =>
    Effect.gen(function* () {
      const { output } = yield* ask("1", "performed")
      assert.isTrue(output._tag === "Some")
      const conflict = yield* Effect.exit(ask("1", "performed", { pin: "another pin" }))
      assert.isTrue(Exit.isFailure(conflict))
      assert.include(shown(conflict), "KeyConflict")
      assert.include(shown(conflict), "/pin")
    }).pipe(Effect.provide(layerDoors.pipe(Layer.provideMerge(Fibric.layerMemory))))
  )
})
