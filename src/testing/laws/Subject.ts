/**
 * Subject: a connector on trial, and the server that it is tried against.
 *
 * The author owns both. The server owns the truth: what a connector claims is compared with what really
 * happened there.
 */
import { type Duration, type Effect, type Layer, Schema, type Scope } from "effect"
import type { SqlClient } from "effect/sql"
import type { Action } from "../../domain/Action.ts"
import type { Capability, PlainCodec } from "../../domain/Capability.ts"
import type * as Recovery from "../../domain/Recovery.ts"
import type { Connectors } from "../../kernel/Connectors.ts"
import type { Handler } from "../../kernel/Handler.ts"
import type { Target } from "../TcpProxy.ts"

/** A capability of such a recovery, whatever else it is. */
type With<R extends Recovery.Recovery> = Capability<
  string,
  string,
  PlainCodec,
  PlainCodec,
  PlainCodec,
  R,
  unknown
>

/** A capability whose effect is made over a wire of its connector's own. */
export type Remote = With<Recovery.Hold | Recovery.Resend | Recovery.Lookup>

/** A capability whose effect is SQL in the kernel's transaction: the wire is that transaction's. */
export type Transactional = With<Recovery.Transactional>

/** What can be tried. A `replay` one acts through other capabilities alone: it has no wire to lose. */
export type Triable = Remote | Transactional

/** Where the connector has to connect, in place of the server. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** One effect that really took place. */
export interface Happened {
  /** The idempotency key that came with it; `undefined` where the provider takes none. */
  readonly key: string | undefined
}

/** A server for one trial, real or a fake with the provider's documented behaviour. */
export type Server = Target & {
  /**
   * Every effect that has really taken place here, once the server has dealt with everything that has
   * reached it. It may wait for what is being dealt with; not for a connection to end, which the other
   * side may never do.
   */
  readonly effects: Effect.Effect<ReadonlyArray<Happened>>
}

/** What every subject brings. */
export interface Common<C extends Triable, S extends Server> {
  /** The connector's name, for the report. */
  readonly name: string
  /**
   * Starts a server of its own for each trial, up for as long as the scope. Besides the connector, the
   * laws themselves open connections to it that say nothing.
   */
  readonly server: Effect.Effect<S, unknown, Scope.Scope>
  /**
   * The capability's connector, talking to the server at this address: a proxy stands there. A transactional
   * one has the transaction and nothing to do there.
   */
  readonly connector: (address: Address, server: S) => Layer.Layer<Handler<C["name"]>, unknown, Connectors>
  /** What is performed in each trial. The server takes it. */
  readonly action: Action<C>
  /** An action of the same capability that this server definitely refuses. Default: none is tried. */
  readonly refused?: Action<C>
  /**
   * What must never be told, at least 8 characters each. The payload's fields of `Schema.Redacted` are
   * looked for in any case.
   */
  readonly secrets: ReadonlyArray<string>
  /**
   * How many connections of the connector's own one call may use. One that it says nothing on does not
   * count, unless it was cut before it could. Default: 1; of a transactional one, which has the
   * transaction's, 0.
   */
  readonly connections?: number
  /**
   * The deadline that a call is told where the wire goes silent. Long enough for an undisturbed call, for
   * a trial lasts that long. Default: 1 second.
   */
  readonly silence?: Duration.Input
  /** The deadline that a call is told in all other trials. Default: 10 seconds. */
  readonly deadline?: Duration.Input
  /**
   * How long after the end of a call an effect is still watched for, at least. Default: 250 milliseconds.
   * What a connector does later than this in the background is not seen.
   */
  readonly watch?: Duration.Input
  /** How many trials run at a time. Default: 16. */
  readonly concurrency?: number
}

/** What a subject of a transactional capability brings besides. */
export interface Database<S extends Server> {
  /**
   * A client for the database at this address: a proxy stands there. For each trial the laws open a
   * transaction through it, let the connector work in it, and commit it as the kernel does. It must not open
   * connections before it is used.
   */
  readonly database: (address: Address, server: S) => Effect.Effect<SqlClient.SqlClient, unknown, Scope.Scope>
}

/** What the laws are tried on. */
export type Subject<C extends Triable, S extends Server> = Common<C, S> &
  (C extends Transactional ? Database<S> : { readonly database?: never })

/** The subject as it is, its types inferred: for one that is written down apart from where it is tried. */
export const subject = <C extends Triable, S extends Server>(subject: Subject<C, S>): Subject<C, S> => subject

/** Nothing can be said about the connector: the subject itself does not work. */
export class SubjectUnfit extends Schema.TaggedError<SubjectUnfit>()("SubjectUnfit", {
  subject: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `The laws can't be tried on "${this.subject}": ${this.problem}. Nothing is known about the connector; mend the subject and run them again.`
  }
}
