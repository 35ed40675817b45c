/**
 * `fibric doubt`: what a person is shown, what they can say, and what becomes of it.
 */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Option, type Redacted } from "effect"
import { execute, Operator, type Receipt } from "fibric"
import { onDatabase } from "../postgres/support.ts"
import { EmailRefused, notify, succeed, type World } from "../support/orders.ts"
import { type Told, typed, withOrders } from "./support.ts"

const iso = DateTime.formatIso
const hashOf = (action: ReturnType<typeof notify>): string => Buffer.from(action.key.hash).toString("hex")

interface Doubt {
  readonly receipt: Receipt
  /** As the ledger's row has it. */
  readonly since: string
  readonly checkAfter: string
}

/** Asks for the action while the line breaks; the doubt that it ends in. */
const doubted = (world: World, url: Redacted.Redacted<string>, action: ReturnType<typeof notify>) =>
  Effect.gen(function* () {
    world.answer = () => Effect.die("the line broke")
    const error = yield* Effect.flip(execute(action).pipe(Operator.as("shipping")))
    world.answer = succeed
    if (error._tag !== "InDoubt") return yield* Effect.die(error)
    const [row] = yield* onDatabase(
      url,
      (sql) => sql<{ since: Date; check_after: Date }>`
        SELECT since, check_after FROM fibric.ledger WHERE key = ${action.key.label}`
    )
    if (row === undefined) return yield* Effect.die("the ledger has no such row")
    const { receipt } = error
    const doubt: Doubt = {
      receipt,
      since: row.since.toISOString(),
      checkAfter: row.check_after.toISOString()
    }
    return doubt
  })

const documentIn = ({ stderr, stdout, ...rest }: Told): unknown => {
  assert.deepStrictEqual({ ...rest, stderr }, { exitCode: 0, stderr: "" })
  return JSON.parse(stdout)
}

const refused = (sentence: string): Told => ({ exitCode: 1, stdout: "", stderr: `${sentence}\n` })

const listed = (action: ReturnType<typeof notify>, doubt: Doubt, ageMillis: unknown) => ({
  hash: hashOf(action),
  key: action.key.label,
  capability: "notify",
  entity: action.entity,
  attempt: 1,
  generation: 0,
  since: doubt.since,
  ageMillis,
  reason: "the connector died: the line broke",
  recovery: "hold",
  checkAfter: doubt.checkAfter,
  operator: "shipping"
})

const agesOf = (document: unknown): ReadonlyArray<number> => {
  assert.isArray(document)
  // What an element is, the comparison beside it says.
  return (document as ReadonlyArray<{ readonly ageMillis: number }>).map(({ ageMillis }) => ageMillis)
}

const label = "notify:order-1:shipped"
const by = ["--by", "dana", "--reason", "seen in the mailbox"] as const
const verdict = (word: string, attempt = "1") =>
  ["doubt", "resolve", label, "--attempt", attempt, "--verdict", word, ...by] as const

describe("fibric doubt list", () => {
  it.live("says that nothing is in doubt, and prints no element", () =>
    withOrders((_, url) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* typed(url, "doubt", "list"), {
          exitCode: 0,
          stdout: "Nothing is in doubt.\n",
          stderr: ""
        })
        assert.deepStrictEqual(documentIn(yield* typed(url, "doubt", "list", "--json")), [])
      })
    )
  )

  it.live("prints the oldest first, as many as are wanted, and of one verb", () =>
    withOrders((world, url) =>
      Effect.gen(function* () {
        const [older, newer] = [notify("1"), notify("2")]
        const first = yield* doubted(world, url, older)
        const second = yield* doubted(world, url, newer)
        const all = documentIn(yield* typed(url, "doubt", "list", "--json"))
        const ages = agesOf(all)
        assert.isTrue(ages.every((age) => Number.isInteger(age) && age >= 0))
        assert.deepStrictEqual(all, [listed(older, first, ages[0]), listed(newer, second, ages[1])])
        const one = documentIn(yield* typed(url, "doubt", "list", "--limit", "1", "--json"))
        assert.deepStrictEqual(one, [listed(older, first, agesOf(one)[0])])
        const none = yield* typed(url, "doubt", "list", "--capability", "remind", "--json")
        assert.deepStrictEqual(documentIn(none), [])
        const verb = documentIn(yield* typed(url, "doubt", "list", "--capability", "notify", "--json"))
        assert.strictEqual(agesOf(verb).length, 2)
      })
    )
  )

  it.live("shows people a table without colours, and that there are more", () =>
    withOrders((world, url) =>
      Effect.gen(function* () {
        const doubt = yield* doubted(world, url, notify("1"))
        yield* doubted(world, url, notify("2"))
        const { stdout } = yield* typed(url, "doubt", "list", "--limit", "1")
        const [head = "", row = "", more, ...rest] = stdout.split("\n")
        assert.deepStrictEqual(head.split(/ {2,}/), [
          "ID",
          "SINCE",
          "AGE",
          "KEY",
          "ATTEMPT",
          "CAPABILITY",
          "RECOVERY",
          "CHECK AFTER",
          "PROPOSED BY",
          "REASON"
        ])
        const [id, since, _age, ...cells] = row.split(/ {2,}/)
        assert.strictEqual(id, hashOf(notify("1")).slice(0, 12))
        assert.strictEqual(since, doubt.since)
        assert.deepStrictEqual(cells, [
          label,
          "1",
          "notify",
          "hold",
          doubt.checkAfter,
          "shipping",
          "the connector died: the line broke"
        ])
        assert.strictEqual(head.indexOf("REASON"), row.indexOf("the connector died"))
        assert.deepStrictEqual([more, ...rest], ["There are more than these 1; --limit shows more.", ""])
      })
    )
  )

  it.live("writes out what a terminal would act on", () =>
    withOrders((world, url) =>
      Effect.gen(function* () {
        yield* doubted(world, url, notify("1", "\u001b[2Jshipped\n"))
        const { stdout } = yield* typed(url, "doubt", "list")
        assert.include(stdout, String.raw`notify:order-1:\u{1b}[2Jshipped\u{a}`)
        assert.notInclude(stdout, "\u001b")
      })
    )
  )
})

describe("fibric doubt show", () => {
  it.live("prints a key with its attempts, and the commands that a person may complete", () =>
    withOrders((world, url) =>
      Effect.gen(function* () {
        const action = notify("1")
        const doubt = yield* doubted(world, url, action)
        const [shown] = documentIn(yield* typed(url, "doubt", "show", label, "--json")) as [
          { readonly attempts: readonly [{ readonly claimedAt: string }] }
        ]
        const command = (word: string) => ({
          verdict: word,
          command: `npx fibric doubt resolve ${label} --attempt 1 --verdict ${word} --by "<your name>" --reason "<how you know>"`
        })
        const { checkAfter } = doubt
        assert.deepStrictEqual<unknown>(shown, {
          hash: hashOf(action),
          key: label,
          capability: "notify",
          entity: { type: "order", id: "1" },
          state: "in_doubt",
          since: doubt.since,
          checkAfter,
          receipt: {
            id: doubt.receipt.id,
            at: iso(doubt.receipt.at),
            outcome: "in_doubt",
            operator: "shipping",
            capability: "notify",
            key: label,
            entity: { type: "order", id: "1" },
            attempt: 1,
            count: 1,
            refersTo: null,
            durationMillis: doubt.receipt.durationMillis,
            proof: null,
            reason: "the connector died: the line broke",
            body: null,
            safeToRetry: false,
            checkAfter
          },
          attempts: [
            {
              attempt: 1,
              generation: 0,
              claimedAt: shown.attempts[0].claimedAt,
              recovery: "hold",
              evidence: "unknown",
              effectId: null
            }
          ],
          verdicts: [command("happened"), command("release"), command("abandon")]
        })
        const people = yield* typed(url, "doubt", "show", label)
        for (const word of ["happened", "release", "abandon"]) {
          assert.include(people.stdout, `\n  ${command(word).command}\n`)
        }
        assert.include(people.stdout, "Needs --force while the request may still be on its way.")
      })
    )
  )

  it.live("finds a key by its whole hash, and one in doubt by the id of the list", () =>
    withOrders((world, url) =>
      Effect.gen(function* () {
        yield* doubted(world, url, notify("1"))
        const byLabel = yield* typed(url, "doubt", "show", label)
        const hash = hashOf(notify("1"))
        assert.deepStrictEqual(yield* typed(url, "doubt", "show", hash), byLabel)
        assert.deepStrictEqual(yield* typed(url, "doubt", "show", hash.toUpperCase()), byLabel)
        assert.deepStrictEqual(yield* typed(url, "doubt", "show", hash.slice(0, 12)), byLabel)
      })
    )
  )

  it.live("shows what is settled too, and offers only what its state allows", () =>
    withOrders((world, url) =>
      Effect.gen(function* () {
        yield* execute(notify("1"))
        const done = yield* typed(url, "doubt", "show", label)
        assert.include(done.stdout, "It happened. There is nothing to decide.")
        assert.notInclude(done.stdout, "doubt resolve")
        world.answer = () => Effect.fail(new EmailRefused({ reason: "unknown address" }))
        yield* Effect.flip(execute(notify("2")))
        const { stdout } = yield* typed(url, "doubt", "show", "notify:order-2:shipped")
        const offered = [...stdout.matchAll(/--verdict (\w+)/g)].map(([, word]) => word)
        assert.deepStrictEqual(offered, ["happened", "reopen"])
      })
    )
  )

  it.live("says of a name that nobody knows what a name looks like", () =>
    withOrders((_, url) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(
          yield* typed(url, "doubt", "show", "notify:order-1"),
          refused(
            `The ledger knows no key "notify:order-1". Nothing was changed; give its label as people read it (verb:entity:occasion), its id from "fibric doubt list", or its whole hash.`
          )
        )
      })
    )
  )
})

describe("fibric doubt resolve", () => {
  it.live("happened: it is done, and whoever asks gets that receipt with the output that was given", () =>
    withOrders((world, url) =>
      Effect.gen(function* () {
        const doubt = yield* doubted(world, url, notify("1"))
        const output = ["--output", '{ "messageId": "m-1" }'] as const
        const receipt = documentIn(yield* typed(url, ...verdict("happened"), ...output, "--json"))
        const answer = yield* execute(notify("1"))
        assert.deepStrictEqual(receipt, {
          id: answer.receipt.id,
          at: iso(answer.receipt.at),
          outcome: "resolved",
          operator: "dana",
          capability: "notify",
          key: label,
          entity: { type: "order", id: "1" },
          attempt: 1,
          count: 1,
          refersTo: doubt.receipt.id,
          durationMillis: null,
          proof: null,
          reason: "seen in the mailbox",
          body: { messageId: "m-1" },
          safeToRetry: false,
          checkAfter: null
        })
        assert.deepStrictEqual(answer.output, Option.some({ messageId: "m-1" }))
        assert.strictEqual(world.calls.length, 1)
      })
    )
  )

  it.live("happened, with an output that does not fit the capability: whoever asks gets none", () =>
    withOrders((world, url) =>
      Effect.gen(function* () {
        yield* doubted(world, url, notify("1"))
        yield* typed(url, ...verdict("happened"), "--output", '{"id":7}')
        const { output } = yield* execute(notify("1"))
        assert.deepStrictEqual(output, Option.none())
      })
    )
  )

  it.live("release: too early while the request may be on its way, then with force the key is free", () =>
    withOrders((world, url) =>
      Effect.gen(function* () {
        yield* doubted(world, url, notify("1"))
        const early = yield* typed(url, ...verdict("release"))
        assert.deepStrictEqual([early.exitCode, early.stdout], [1, ""])
        assert.match(
          early.stderr,
          /^No verdict was recorded: the request of "notify:order-1:shipped", attempt 1, may still be on its way\. Decide after \S+Z, or with force\.\n$/
        )
        const forced = yield* typed(url, ...verdict("release"), "--force")
        assert.strictEqual(forced.exitCode, 0)
        assert.match(
          forced.stdout,
          /^"notify:order-1:shipped", attempt 1: released by dana, receipt [\w-]{36}\. The key is free: whoever asks for it next performs it\.\n$/
        )
        const { receipt } = yield* execute(notify("1"))
        assert.deepStrictEqual([receipt.outcome, receipt.attempt], ["performed", 2])
        assert.strictEqual(world.calls.length, 2)
      })
    )
  )

  it.live("abandon: the key is spent", () =>
    withOrders((world, url) =>
      Effect.gen(function* () {
        yield* doubted(world, url, notify("1"))
        yield* typed(url, ...verdict("abandon"), "--force")
        const error = yield* Effect.flip(execute(notify("1")))
        assert.strictEqual(error._tag, "Abandoned")
        assert.strictEqual(world.calls.length, 1)
      })
    )
  )

  it.live("reopen: a refusal may be tried again", () =>
    withOrders((world, url) =>
      Effect.gen(function* () {
        world.answer = () => Effect.fail(new EmailRefused({ reason: "unknown address" }))
        yield* Effect.flip(execute(notify("1")))
        world.answer = succeed
        const { outcome } = documentIn(yield* typed(url, ...verdict("reopen"), "--json")) as {
          readonly outcome: string
        }
        const { receipt } = yield* execute(notify("1"))
        assert.deepStrictEqual([outcome, receipt.outcome, receipt.attempt], ["reopened", "performed", 2])
      })
    )
  )

  it.live("is refused about another attempt, or about a state that does not allow it", () =>
    withOrders((world, url) =>
      Effect.gen(function* () {
        yield* doubted(world, url, notify("1"))
        assert.deepStrictEqual(
          yield* typed(url, ...verdict("happened", "2")),
          refused(
            `No verdict was recorded: it does not fit "${label}" on attempt 2 (found: in_doubt, attempt 1). Look at it again before deciding.`
          )
        )
        assert.deepStrictEqual(
          yield* typed(url, ...verdict("reopen")),
          refused(
            `No verdict was recorded: it does not fit "${label}" on attempt 1 (found: in_doubt, attempt 1). Look at it again before deciding.`
          )
        )
      })
    )
  )

  it.live("is refused with an output that is not JSON", () =>
    withOrders((world, url) =>
      Effect.gen(function* () {
        yield* doubted(world, url, notify("1"))
        const told = yield* typed(url, ...verdict("happened"), "--output", "m-1")
        assert.deepStrictEqual([told.exitCode, told.stdout], [1, ""])
        assert.match(told.stderr, /^No verdict was recorded: --output is not JSON \(.+\)\. Give what /)
        const { state } = (
          documentIn(yield* typed(url, "doubt", "show", label, "--json")) as ReadonlyArray<{
            readonly state: string
          }>
        )[0] ?? { state: "unknown" }
        assert.strictEqual(state, "in_doubt")
      })
    )
  )
})
