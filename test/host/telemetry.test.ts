/**
 * Telemetry on its way out: a collector that hears OTLP, and the page for Prometheus.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Layer, Metric } from "effect"
import { HttpServer } from "effect/http"
import { OtlpExporter } from "effect/observability"
import { execute, Fibric } from "fibric"
import * as FibricTelemetry from "fibric/telemetry"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { makeWorld, notify, over } from "../support/orders.ts"

/** A collector on a free port: what it was sent, by path. */
const collector = Effect.acquireRelease(
  Effect.promise(async () => {
    const heard = new Map<string, string>()
    const all = Deferred.makeUnsafe<void>()
    const server = createServer((request, response) => {
      let body = ""
      request.setEncoding("utf8").on("data", (text: string) => (body += text))
      request.on("end", () => {
        const path = request.url ?? ""
        heard.set(path, (heard.get(path) ?? "") + body)
        if (heard.size === 3) Deferred.doneUnsafe(all, Exit.void)
        response.writeHead(200, { "content-type": "application/json" }).end("{}")
      })
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    // Only a server on a pipe has an address of another shape.
    const { port } = server.address() as AddressInfo
    return { server, heard, all, baseUrl: `http://127.0.0.1:${port}` }
  }),
  ({ server }) =>
    Effect.promise(
      () =>
        new Promise((resolve) => {
          server.close(resolve)
          server.closeAllConnections()
        })
    )
)

const registry = () => Layer.succeed(Metric.MetricRegistry, new Map())

describe("telemetry over OTLP", () => {
  it.live("sends the receipt's event, the metrics and the spans of an action", () =>
    Effect.gen(function* () {
      const { all, baseUrl, heard } = yield* collector
      const { layer } = makeWorld()
      const telemetry = FibricTelemetry.layerOtlp({ baseUrl, serviceName: "shop", exportInterval: "1 hour" })
      yield* Effect.provide(
        Effect.gen(function* () {
          yield* execute(notify("4471"))
          yield* (yield* OtlpExporter.Flusher).flush
          yield* Deferred.await(all)
        }),
        over(layer, Fibric.layerMemory).pipe(Layer.provideMerge(telemetry), Layer.provideMerge(registry()))
      )
      for (const [path, ...expected] of [
        ["/v1/logs", "fibric.receipt", "notify:order-4471:shipped", "shop"],
        ["/v1/metrics", "fibric_effects_total", "fibric_in_flight"],
        ["/v1/traces", "Executor.execute", "Dispatch.perform"]
      ] as const) {
        for (const text of expected) assert.include(heard.get(path) ?? "", text, path)
      }
    })
  )
})

describe("the page for Prometheus", () => {
  it.live("has the counters with their labels, at the address that was given", () =>
    Effect.gen(function* () {
      const { layer } = makeWorld()
      yield* Effect.provide(
        Effect.gen(function* () {
          yield* execute(notify("4471"))
          const { address } = yield* HttpServer.HttpServer
          const port = address._tag === "InetAddressV4" ? address.port : 0
          const page = yield* Effect.promise(async () => {
            const response = await fetch(`http://127.0.0.1:${port}/metrics`)
            return { type: response.headers.get("content-type"), text: await response.text() }
          })
          assert.strictEqual(page.type, "text/plain; version=0.0.4; charset=utf-8")
          const labels = `{connector="test",capability="notify",outcome="performed"}`
          assert.match(page.text, /^# TYPE fibric_effects_total counter$/m)
          assert.include(page.text, `fibric_effects_total${labels} 1\n`)
          assert.include(page.text, `fibric_effect_duration_seconds_count${labels} 1\n`)
          assert.strictEqual(yield* FibricTelemetry.prometheus, page.text)
        }),
        over(layer, Fibric.layerMemory).pipe(
          Layer.provideMerge(FibricTelemetry.layerPrometheus({ port: 0 })),
          Layer.provideMerge(registry())
        )
      )
    })
  )

  it.live("is refused where somebody else listens, with a sentence", () =>
    Effect.gen(function* () {
      const { baseUrl } = yield* collector
      const port = Number(new URL(baseUrl).port)
      const refused = yield* Effect.flip(Layer.build(FibricTelemetry.layerPrometheus({ port })))
      assert.strictEqual(refused._tag, "StartRefused")
      assert.include(refused.message, `Metrics can't be served at 127.0.0.1:${port} (`)
      assert.include(refused.message, "EADDRINUSE")
    })
  )
})
