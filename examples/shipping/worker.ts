/**
 * worker: a process of the shop. Says `ready` when its operator watches and its outbox is delivered, and ends
 * when its stdin closes, so it can't outlive its parent.
 *
 * Run as `node examples/shipping/worker.ts` with `DATABASE_URL`, `SMTP_PORT`, `SLACK_URL`, `SLACK_TOKEN` and `OPERATOR`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import { Config, Console, Effect, Layer, Logger, Stdio, Stream } from "effect"
import { Settings } from "fibric"
import * as Slack from "fibric/connectors/slack"
import * as Smtp from "fibric/connectors/smtp"
import * as FibricEmbedded from "fibric/embedded"
import * as FibricPostgres from "fibric/postgres"
import * as Shop from "./shop.ts"

const layer = Layer.unwrap(
  Effect.gen(function* () {
    const { url } = yield* FibricEmbedded.database()
    const mail = Smtp.layer({
      host: "127.0.0.1",
      port: yield* Config.Port("SMTP_PORT"),
      encryption: "none",
      from: { name: "The shop", address: "hello@shop.example" }
    })
    const chat = Slack.layer({
      token: yield* Config.Redacted("SLACK_TOKEN"),
      url: yield* Config.String("SLACK_URL"),
      plaintext: true,
      networks: ["127.0.0.1"]
    })
    return Shop.layer(yield* Config.String("OPERATOR")).pipe(
      Layer.provide([mail, chat]),
      Layer.provideMerge(FibricPostgres.layer),
      Layer.provideMerge(FibricEmbedded.layerClient(url)),
      // Who is killed is missed soon.
      Layer.provide(
        Settings.layer({
          leaseMillis: 2_000,
          beatMillis: 400,
          reapMillis: 200,
          drainMillis: 3_000,
          maxDeliverAgainMillis: 1_000
        })
      )
    )
  })
)

const work = Effect.scoped(
  Effect.gen(function* () {
    yield* Layer.build(layer)
    yield* Console.log("ready")
    const { stdin } = yield* Stdio.Stdio
    yield* Stream.runDrain(stdin)
  })
)

work.pipe(
  Effect.provide([NodeStdio.layer, Logger.layer([])]),
  NodeRuntime.runMain({ disableErrorReporting: false })
)
