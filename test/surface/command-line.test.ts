/**
 * The command line around its commands: names that mean two keys, what is not understood, no database or
 * the wrong one, another server than before, and the process that `npx fibric` starts.
 */
import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import { Ledger } from "../../src/kernel/Ledger.ts"
import * as Cli from "../../src/surface/cli/Cli.ts"
import { ServerRecord } from "../../src/surface/cli/LedgerAcknowledge.ts"
import { claimed, keyOf, settle, stateOf, unknown } from "../contracts/keys.ts"
import { onDatabase, place, secret } from "../postgres/support.ts"
import { freshDatabase } from "../support/database.ts"
import { layerTroubled, makeTrouble } from "../support/ledgers.ts"
import { type Told, typed, typedInShell, withLedger, withOrders } from "./support.ts"

const nowhere = Redacted.make(`postgres://ada:${secret}@127.0.0.1:1/shop`)

const resolve = (name: string, ...more: ReadonlyArray<string>) =>
  ["doubt", "resolve", name, "--attempt", "1", "--verdict", "happened", ...more] as const

const said = ["--by", "dana", "--reason", "seen"] as const

const notUnderstood = (command: string, sentence: string): Told => ({
  exitCode: 2,
  stdout: "",
  stderr: `${sentence}\nNothing was changed; "${command} --help" says how.\n`
})

/** A command line that looks at the ledger of this test alone. */
const inMemory = (...args: ReadonlyArray<string>) =>
  Effect.map(Ledger, (given) => {
    const ledger = Layer.succeed(Ledger, given)
    const server = Layer.succeed(ServerRecord, ServerRecord.of({ acknowledge: () => Effect.never }))
    const unused = Layer.effectContext(Effect.die("Bug: nobody asked for it"))
    return Cli.run(
      { version: "1.2.3", ledger, server, receipts: unused, outbox: unused, roles: unused },
      args
    )
  })

describe("a label that two keys share", () => {
  const [one, other] = [keyOf("4-71"), keyOf("71", "shipped", "order-4")]
  const label = "notify:order-4-71:shipped"
  const hashOf = (key: typeof one) => Buffer.from(key.hash).toString("hex")

  it.live("is shown as both, each with commands that name it by its hash", () =>
    withLedger((url) =>
      Effect.gen(function* () {
        yield* settle(yield* claimed(one), unknown)
        yield* settle(yield* claimed(other), unknown)
        assert.deepStrictEqual([one.label, other.label], [label, label])
        const { exitCode, stdout } = yield* typed(url, "doubt", "show", label)
        assert.strictEqual(exitCode, 0)
        assert.include(
          stdout,
          `2 different keys have the name "${label}". Say which one you mean with its hash.`
        )
        for (const key of [one, other]) assert.include(stdout, `doubt resolve ${hashOf(key)} --attempt 1 `)
        assert.notInclude(stdout, `doubt resolve ${label}`)
      })
    )
  )

  it.live("is refused for a verdict, which its hash then gives to one of them", () =>
    withLedger((url) =>
      Effect.gen(function* () {
        yield* settle(yield* claimed(one), unknown)
        yield* settle(yield* claimed(other), unknown)
        const told = yield* typed(url, ...resolve(label, ...said))
        assert.deepStrictEqual([told.exitCode, told.stdout], [1, ""])
        assert.match(
          told.stderr,
          /^"notify:order-4-71:shipped" names 2 different keys \([0-9a-f]{64}, [0-9a-f]{64}\)\. /
        )
        assert.strictEqual((yield* typed(url, ...resolve(hashOf(other), ...said))).exitCode, 0)
        const left = yield* typed(url, "doubt", "list", "--json")
        assert.deepStrictEqual(
          (JSON.parse(left.stdout) as ReadonlyArray<{ readonly hash: string }>).map(({ hash }) => hash),
          [hashOf(one)]
        )
      })
    )
  )
})

describe("what is not understood", () => {
  const command = "fibric doubt resolve"
  const without = (sentence: string, args: ReadonlyArray<string>, expected: string) =>
    it.live(sentence, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* typed(nowhere, ...args), notUnderstood(command, expected))
      })
    )

  without("is a verdict in nobody's name", resolve("k", "--reason", "seen"), "Missing required flag: --by")

  without("is a verdict without a reason", resolve("k", "--by", "dana"), "Missing required flag: --reason")

  without(
    "is a name that says nothing",
    resolve("k", "--by", " ", "--reason", "seen"),
    `Invalid value for flag --by: " ". Expected the name of whoever decides`
  )

  without(
    "is a command that was copied and not completed",
    resolve("k", "--by", "dana", "--reason", "<how you know>"),
    `Invalid value for flag --reason: "<how you know>". Expected how it is known, in a few words`
  )

  without(
    "is force where nothing can be too early",
    resolve("k", ...said, "--force"),
    "--force has no meaning with --verdict happened"
  )

  without(
    "is an output of what did not happen",
    ["doubt", "resolve", "k", "--attempt", "1", "--verdict", "release", ...said, "--output", "1"],
    "--output has no meaning with --verdict release"
  )
})

describe("the database", () => {
  it.live("that is not named is asked for; help needs none", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* typed(undefined, "doubt", "list"), {
        exitCode: 1,
        stdout: "",
        stderr:
          "DATABASE_URL is not set, so there is no ledger to look at. Nothing was changed; set it to the database that fibric runs on, such as postgres://user@host:5432/shop.\n"
      })
      const help = yield* typed(undefined, "doubt", "resolve", "--help")
      assert.deepStrictEqual([help.exitCode, help.stderr], [0, ""])
      assert.include(help.stdout, "It is not compared with the capability's schema here")
      assert.strictEqual((yield* typed(undefined, "doubt")).exitCode, 0)
    })
  )

  it.live("that does not answer is named without its secrets", () =>
    Effect.gen(function* () {
      const told = yield* typed(nowhere, "doubt", "list", "--json")
      assert.deepStrictEqual(told, {
        exitCode: 1,
        stdout: "",
        stderr:
          "Postgres at 127.0.0.1:1/shop can't be used (connect ECONNREFUSED 127.0.0.1:1). Nothing was performed; start it, or mend DATABASE_URL or the client's configuration.\n"
      })
    })
  )

  it.live("that has no ledger gets none", () =>
    Effect.gen(function* () {
      const { url } = yield* freshDatabase
      const told = yield* typed(url, "doubt", "list")
      assert.deepStrictEqual(told, {
        exitCode: 1,
        stdout: "",
        stderr: `There is no ledger in ${place(url)}. Nothing was changed; set DATABASE_URL to the database that fibric runs on.\n`
      })
      const schemas = yield* onDatabase(
        url,
        (sql) => sql`SELECT 1 FROM pg_namespace WHERE nspname = 'fibric'`
      )
      assert.deepStrictEqual(schemas, [])
    }).pipe(Effect.scoped)
  )

  it.live("with a ledger of another version is left as it is", () =>
    withOrders((_, url) =>
      Effect.gen(function* () {
        yield* onDatabase(url, (sql) => sql`DELETE FROM fibric.migrations WHERE migration_id > 1`)
        const { exitCode, stderr } = yield* typed(url, "doubt", "list")
        assert.strictEqual(exitCode, 1)
        assert.match(
          stderr,
          /^The ledger in \S+ is at version 1, and this command line knows \d+\. Nothing was changed; start the fibric of this version there once, which brings it up to date\.\n$/
        )
      })
    )
  )
})

describe("fibric ledger acknowledge", () => {
  it.live("lets the ledger go on at another server, in somebody's name", () =>
    withOrders((_, url) =>
      Effect.gen(function* () {
        yield* onDatabase(url, (sql) => sql`UPDATE fibric.ledger_info SET system_identifier = '7'`)
        const before = yield* typed(url, "doubt", "list")
        assert.strictEqual(before.exitCode, 1)
        assert.include(before.stderr, "fibric ledger acknowledge --by <name> --reason <why>")
        const told = yield* typed(url, "ledger", "acknowledge", ...said, "--json")
        const [now] = yield* onDatabase(
          url,
          (sql) => sql<{ system: string; timeline: string }>`
            SELECT system_identifier AS system, timeline FROM fibric.ledger_info`
        )
        assert.deepStrictEqual(JSON.parse(told.stdout), { before: { ...now, system: "7" }, now })
        assert.match(told.stderr, /The ledger goes on at system/)
        assert.strictEqual((yield* typed(url, "doubt", "list")).exitCode, 0)
      })
    )
  )
})

describe("the doubts of one verb", () => {
  it.effect("are looked for among the oldest thousand, and more are told of only where there are more", () =>
    Effect.gen(function* () {
      const list = yield* inMemory("doubt", "list", "--capability", "remind")
      for (let id = 1; id <= 1_000; id++) yield* settle(yield* claimed(keyOf(String(id))), unknown)
      yield* list
      assert.deepStrictEqual(yield* TestConsole.errorLines, [])
      yield* settle(yield* claimed(keyOf("1001")), unknown)
      yield* list
      assert.deepStrictEqual(yield* TestConsole.errorLines, [
        "Only the oldest 1000 doubts were looked through; there are more."
      ])
    }).pipe(Effect.provide([layerTroubled(makeTrouble()), NodeServices.layer]))
  )
})

describe("a verdict that the ledger does not confirm", () => {
  it.effect("may have been recorded, which is said", () => {
    const trouble = makeTrouble()
    return Effect.gen(function* () {
      const key = keyOf("1")
      yield* settle(yield* claimed(key), unknown)
      // Each try lands and loses its reply: the first copy is the one that counts.
      trouble.replyLost.set("apply", 100)
      const running = yield* Effect.forkChild(Effect.flip(yield* inMemory(...resolve(key.label, ...said))))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(running)).exitCode, 1)
      assert.deepStrictEqual(yield* TestConsole.errorLines, [
        `The ledger did not confirm the verdict (connection reset), so it may have been recorded or not. Look with "fibric doubt show ${key.label}", then give it again if it is missing.`
      ])
      assert.deepStrictEqual(yield* stateOf(key), { state: "done", attempt: 1 })
    }).pipe(Effect.provide([layerTroubled(trouble), NodeServices.layer]))
  })
})

describe("the process that npx starts", () => {
  it.live("prints one document and nothing else, and ends with 0", () =>
    withLedger((url) =>
      Effect.gen(function* () {
        yield* settle(yield* claimed(keyOf("1")), unknown)
        const { exitCode, stderr, stdout } = yield* typedInShell(url, "doubt", "list", "--json")
        assert.deepStrictEqual([exitCode, stderr], [0, ""])
        const listed = JSON.parse(stdout) as ReadonlyArray<{ readonly key: string }>
        assert.deepStrictEqual(
          listed.map(({ key }) => key),
          ["notify:order-1:shipped"]
        )
      })
    )
  )

  it.live("ends with 1 where it was refused, and with 2 where it was not understood", () =>
    Effect.gen(function* () {
      const told = yield* typedInShell(undefined, "doubt", "list")
      assert.deepStrictEqual([told.exitCode, told.stdout], [1, ""])
      assert.match(told.stderr, /^DATABASE_URL is not set, [^\n]*\n$/)
      assert.deepStrictEqual(
        yield* typedInShell(undefined, "doubt", "shwo"),
        notUnderstood(
          "fibric doubt",
          `Unknown subcommand "shwo" for "fibric doubt"\n\n  Did you mean this?\n    show`
        )
      )
    })
  )
})
