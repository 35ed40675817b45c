/**
 * Telemetry: fibric's events, metrics and spans on their way out, over OTLP or as a page for Prometheus.
 *
 * Both carry what everything else in the process logs, counts and traces too. What fibric's own names mean
 * stands in docs/telemetry.md.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { type Duration, Effect, Layer } from "effect"
import { FetchHttpClient, HttpRouter } from "effect/http"
import { Otlp, type OtlpExporter, PrometheusMetrics } from "effect/observability"
import { createServer } from "node:http"
import { StartRefused } from "../domain/errors.ts"

/** Where telemetry goes, and in whose name. */
export interface OtlpOptions {
  /** Where the collector listens, such as `http://localhost:4318`; `/v1/logs` and so on are added. */
  readonly baseUrl: string
  readonly serviceName: string
  readonly serviceVersion?: string
  /** Of every request, such as an authorization. */
  readonly headers?: Readonly<Record<string, string>>
  /** How often what has gathered is sent. Default: logs after 1 second, spans after 5, metrics after 10. */
  readonly exportInterval?: Duration.Input
}

/**
 * Sends logs, metrics and spans to a collector over OTLP, as JSON, beside the loggers that are there. A
 * collector that is away costs telemetry and nothing else. What has gathered is sent when the layer closes.
 */
export const layerOtlp = ({
  baseUrl,
  exportInterval,
  headers,
  serviceName,
  serviceVersion
}: OtlpOptions): Layer.Layer<OtlpExporter.Flusher> =>
  Otlp.layerJson({
    baseUrl,
    resource: { serviceName, serviceVersion },
    headers,
    loggerMergeWithExisting: true,
    loggerExportInterval: exportInterval,
    metricsExportInterval: exportInterval,
    tracerExportInterval: exportInterval
  }).pipe(Layer.provide(FetchHttpClient.layer))

/** All metrics of the process in Prometheus' text format, for a server that the app has already. */
export const prometheus: Effect.Effect<string> = PrometheusMetrics.format()

/** Where the page is. */
export interface PrometheusOptions {
  /** 0 takes a free one. */
  readonly port: number
  /** Default: `127.0.0.1`, so that nobody else sees it. */
  readonly host?: string
  /** Default: `/metrics`. */
  readonly path?: `/${string}`
}

/** Serves all metrics of the process for Prometheus. Fails with `StartRefused` where it can't listen. */
export const layerPrometheus = ({ host = "127.0.0.1", path = "/metrics", port }: PrometheusOptions) =>
  HttpRouter.serve(PrometheusMetrics.layerHttp({ path }), {
    disableLogger: true,
    disableListenLog: true
  }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(createServer, { host, port })),
    Layer.catchTag("ServeError", ({ cause }) =>
      Layer.effectContext(
        Effect.fail(
          new StartRefused({
            problem: "port_unavailable",
            sentence: `Metrics can't be served at ${host}:${port} (${cause instanceof Error ? cause.message : String(cause)}). Nothing was performed; give a port that is free, or 0 for any.`
          })
        )
      )
    )
  )
