import { createServer } from "node:http"
import { text } from "node:stream/consumers"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import * as Laws from "fibric/testing/laws"
import { type Answer, Invoice, layer, Pay } from "./connector.ts"

// A fake of the provider, with its documented behaviour: it refuses more than 1,000 cents.
const fakeProvider = Effect.gen(function* () {
  const paid: Array<Laws.Happened> = []
  const http = createServer(async (request, response) => {
    const body = await text(request).catch(() => undefined) // it hung up in the middle
    if (body === undefined) return
    const declined = Number(body) > 1_000
    if (!declined) paid.push({ key: String(request.headers["idempotency-key"]) })
    response.writeHead(declined ? 402 : 200).end(declined ? "too_much" : `p-${paid.length}`)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void http.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.callback<void>((resume) => {
        http.close(() => resume(Effect.void))
        http.closeAllConnections()
      })
  )
  const address = http.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return { port, effects: Effect.sync(() => [...paid]) }
})

// How the connector under test talks to the provider. An interrupt aborts the request.
const charge = (url: string) => (cents: number, key: string) =>
  Effect.tryPromise({
    try: async (signal): Promise<Answer> => {
      const headers = { "idempotency-key": key, authorization: "Bearer sk_live_4471" }
      const response = await fetch(url, { method: "POST", headers, body: String(cents), signal })
      const said = await response.text()
      if (response.ok) return { paid: said }
      // What the provider documents as its no is one. A 500 says nothing.
      return response.status === 402 ? { declined: said } : { silent: `it answered ${response.status}` }
    },
    // What fetch says of a connection that was never made; everything else may have come too late.
    catch: (error) => (error instanceof Error ? JSON.stringify(error.cause) : "")
  }).pipe(
    Effect.catch((said): Effect.Effect<Answer> =>
      Effect.succeed(
        /"(?:ECONNREFUSED|ENOTFOUND)"/.test(said) ? { unreachable: "no connection" } : { silent: "no answer" }
      )
    )
  )

const program = Effect.gen(function* () {
  const report = yield* Laws.run({
    name: "payments",
    server: fakeProvider,
    connector: ({ host, port }) => layer(charge(`http://${host}:${port}/`)),
    action: Pay.propose(Invoice.at("7"), { cents: 420 }),
    refused: Pay.propose(Invoice.at("8"), { cents: 4_200 }),
    secrets: ["sk_live_4471"]
  })
  yield* Console.log(Laws.describe(report))
  Laws.expectLawful(report) // throws, with every broken law in its message
})

NodeRuntime.runMain(program)
