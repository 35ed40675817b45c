/**
 * The seal: the function of a connector can't be named, let alone called, through any public entry.
 */
import { Effect } from "effect"
import * as Fibric from "fibric"
import * as FibricCluster from "fibric/cluster"
import * as FibricEmbedded from "fibric/embedded"
import * as FibricPostgres from "fibric/postgres"
import * as FibricTelemetry from "fibric/telemetry"
import * as FibricTesting from "fibric/testing"
import * as FibricLaws from "fibric/testing/laws"
import * as Door from "fibric/connectors/door"
import * as Http from "fibric/connectors/http"
import * as Orders from "fibric/connectors/orders"
import * as Slack from "fibric/connectors/slack"
import * as Sms from "fibric/connectors/sms"
import * as Smtp from "fibric/connectors/smtp"
import * as Stripe from "fibric/connectors/stripe"
import { type Equals, isTrue, shop } from "./support.ts"

type Reaching = "Sealed" | "open" | "unseal" | "Run"

isTrue<Equals<Extract<keyof typeof Fibric, Reaching>, never>>()
isTrue<Equals<Extract<keyof typeof FibricEmbedded, Reaching>, never>>()
isTrue<Equals<Extract<keyof typeof FibricCluster, Reaching>, never>>()
isTrue<Equals<Extract<keyof typeof FibricPostgres, Reaching>, never>>()
isTrue<Equals<Extract<keyof typeof FibricTelemetry, Reaching>, never>>()
isTrue<Equals<Extract<keyof typeof FibricTesting, Reaching>, never>>()
isTrue<Equals<Extract<keyof typeof FibricLaws, Reaching>, never>>()
isTrue<Equals<Extract<keyof typeof Door, Reaching>, never>>()
isTrue<Equals<Extract<keyof typeof Http, Reaching>, never>>()
isTrue<Equals<Extract<keyof typeof Orders, Reaching>, never>>()
isTrue<Equals<Extract<keyof typeof Slack, Reaching>, never>>()
isTrue<Equals<Extract<keyof typeof Sms, Reaching>, never>>()
isTrue<Equals<Extract<keyof typeof Smtp, Reaching>, never>>()
isTrue<Equals<Extract<keyof typeof Stripe, Reaching>, never>>()
isTrue<Equals<Extract<keyof typeof Fibric.Connector, Reaching>, never>>()

// @ts-expect-error The seal's type is no public name.
export type Nobody = Fibric.Sealed

// @ts-expect-error There is no public path to the module that opens seals.
export type Nothing = typeof import("fibric/kernel/Sealed")

// @ts-expect-error Nor by the way of the files.
export type NothingEither = typeof import("fibric/src/kernel/Sealed.ts")

// The executor's service performs actions and tells of receipts and states, nothing else.
isTrue<Equals<keyof Fibric.Executor["Service"], "execute" | "receiptOf" | "awaitReceipt" | "stateOf">>()

// The registry is public as a type only: its name stands in what layers need, nobody can ask for it.
// @ts-expect-error `Connectors` is no value here.
export const registry = Effect.map(Fibric.Connectors, ({ holding }) => holding)

// A group of capabilities knows its name and its members, and gives none of the functions back.
isTrue<Equals<keyof typeof shop, "name" | "capabilities" | "toLayer">>()

// The mark that a connector leaves in the context is a name.
isTrue<Equals<keyof Fibric.Connector.HandlerMark, "capability">>()
