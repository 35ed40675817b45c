import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { execute, Fibric } from "fibric"
import * as Payments from "../../examples/connector.ts"
import { ledgerDatabase } from "../support/database.ts"

const root = new URL("../../", import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), "utf8")

/** The code blocks of the READMEs that name an example file. */
const blocks = ["README.md", "connectors/README.md"].flatMap((readme) =>
  [
    ...read(readme).matchAll(/<!-- ((?:examples|test\/connectors)\/[\w.-]+\.ts) -->\n```ts\n([\s\S]*?)```/g)
  ].map(([, path = "", code = ""]) => ({ path, code }))
)

/** Runs an example as a reader would, on a database of its own. */
const run = Effect.fnUntraced(function* (path: string) {
  const { url } = yield* ledgerDatabase
  return yield* Effect.promise(
    () =>
      new Promise<string>((resolve, reject) =>
        execFile(
          process.execPath,
          ["--conditions=fibric-source", path],
          { cwd: root, env: { ...process.env, DATABASE_URL: Redacted.value(url), NO_COLOR: "1" } },
          (error, stdout, stderr) =>
            error === null ? resolve(stdout) : reject(new Error(stdout + stderr, { cause: error }))
        )
      )
  )
})

describe("the README's code", () => {
  it("is the code of the examples, to the letter", () => {
    assert.deepStrictEqual(
      blocks.map(({ path }) => path),
      [
        "examples/quickstart.ts",
        "examples/embed.ts",
        "examples/order.ts",
        "examples/simulation.ts",
        "examples/operator.ts",
        "examples/connector.ts",
        "test/connectors/readme.test.ts",
        "examples/laws.ts"
      ]
    )
    for (const { path, code } of blocks) assert.strictEqual(code, read(path), `paste ${path} into the README`)
  })

  it.live("sends once where it is asked 657 times", () =>
    Effect.gen(function* () {
      const output = yield* run("examples/quickstart.ts")
      assert.strictEqual(output.match(/sent to ada@example\.com: Your order has left\./g)?.length, 1)
      assert.include(output, "asked 657 times, answered with 1 receipt")
    }).pipe(Effect.scoped)
  )

  it.live("embeds fibric over an app's own client", () =>
    Effect.gen(function* () {
      const output = yield* run("examples/embed.ts")
      assert.strictEqual(output.match(/door 12 opens for 5 s/g)?.length, 1)
      assert.include(output, "{ joined: 2, performed: 1 }")
      assert.match(output, /key: 'unlock:door-12:courier-0815'/)
    }).pipe(Effect.scoped)
  )

  it.live("runs a program of two steps, and supersedes what was decided before it", () =>
    Effect.gen(function* () {
      const output = yield* run("examples/order.ts")
      const lines = output.split("\n").filter((line) => /^(?:order|\{ state|"charge)/.test(line))
      assert.deepStrictEqual(lines, [
        "order 4471: 4200 cents are charged",
        "order 4471: a swift takes it along",
        "{ state: { status: 'shipped' }, version: 2 }",
        '"charge:order-4471:once" is not wanted any more: it was decided against version 0, and the state is at 2. Nothing was performed and the key is not spent; decide anew from the state as it is.'
      ])
    }).pipe(Effect.scoped)
  )

  it.live("tells a customer when the order ships, and asks later how it was", () =>
    Effect.gen(function* () {
      const output = yield* run("examples/operator.ts")
      assert.deepStrictEqual(
        output.split("\n").filter((line) => /^(?:to|performed) /.test(line)),
        [
          "to ada@example.com, of order 4471: shipped",
          "performed tell:order-4471:shipped by tell-shipped",
          "to ada@example.com, of order 4471: how was it?",
          "performed tell:order-4471:how was it? by tell-shipped"
        ]
      )
    }).pipe(Effect.scoped)
  )

  it.live("simulates a connector of one's own", () =>
    Effect.gen(function* () {
      const output = yield* run("examples/simulation.ts")
      assert.match(output, /^100 seeds, \d+ processes killed, one effect for each key$/m)
    }).pipe(Effect.scoped)
  )

  it.live("proves the connector that it shows", () =>
    Effect.gen(function* () {
      const output = yield* run("examples/laws.ts")
      assert.match(output, /^payments: \d+ trials/)
      assert.strictEqual(output.match(/^ {2}held /gm)?.length, 9)
      assert.notInclude(output, "not tried")
    }).pipe(Effect.scoped)
  )

  const endings: ReadonlyArray<readonly [Payments.Answer, string]> = [
    [{ paid: "p-1" }, "performed"],
    [{ declined: "insufficient_funds" }, "CardRefused"],
    [{ unreachable: "connection refused" }, "NotPerformed"],
    [{ silent: "no answer" }, "InDoubt"]
  ]
  for (const [answer, expected] of endings) {
    it.effect(`shows a connector whose provider says ${Object.keys(answer).join()}: ${expected}`, () =>
      Effect.gen(function* () {
        const result = yield* Effect.result(
          execute(Payments.Pay.propose(Payments.Invoice.at("7"), { cents: 1 }))
        )
        assert.strictEqual(
          result._tag === "Success" ? result.success.receipt.outcome : result.failure._tag,
          expected
        )
      }).pipe(
        Effect.provide(
          Payments.layer(() => Effect.succeed(answer)).pipe(Layer.provideMerge(Fibric.layerMemory))
        )
      )
    )
  }
})
