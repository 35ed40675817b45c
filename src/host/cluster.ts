/**
 * The cluster host: fibric on several machines, over the Postgres that the app brings.
 *
 * Runners find each other, and agree on who owns which shard, in that same Postgres; they talk over
 * sockets. What a user writes stays as it is on one machine: the definitions, the connectors, `execute`.
 */
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import type { PgClient } from "@effect/sql-pg"
import { type Config, Duration, Layer, Option } from "effect"
import {
  MessageStorage,
  RunnerAddress,
  RunnerHealth,
  Runners,
  RunnerStorage,
  Sharding,
  ShardingConfig,
  SqlRunnerStorage
} from "effect/cluster"
import type { SocketServer } from "effect/socket"
import type { SqlClient } from "effect/sql"
import * as ClusterExecutor from "../cluster/ClusterExecutor.ts"
import type { StartRefused } from "../domain/errors.ts"
import * as FibricPostgres from "./postgres.ts"

/** The timings by which a cluster notices that a runner is gone. */
export type Timings = Pick<
  ShardingConfig.ShardingConfig["Service"],
  | "shardLockRefreshInterval"
  | "shardLockExpiration"
  | "refreshAssignmentsInterval"
  | "runnerHealthCheckInterval"
  | "entityTerminationTimeout"
>

/**
 * A runner's death is noticed in seconds. A shorter lock is lost by a runner that is merely slow, which
 * costs time and never the promise: two runners that host one entity are kept apart by the ledger.
 */
export const quick: Timings = {
  shardLockRefreshInterval: Duration.seconds(1),
  shardLockExpiration: Duration.seconds(4),
  refreshAssignmentsInterval: Duration.millis(500),
  runnerHealthCheckInterval: Duration.seconds(1),
  entityTerminationTimeout: Duration.seconds(2)
}

export interface ClusterOptions extends ClusterExecutor.HostingOptions {
  /** Where this runner is reached by the others. */
  readonly host: string
  readonly port: number
  /** Where it listens, if that is another address. */
  readonly listen?: { readonly host: string; readonly port: number }
  /** Default: `quick`. `{}` leaves effect's own, with which a runner's death is noticed in half a minute. */
  readonly timings?: Partial<Timings>
  /** How many entities may be on this runner at once. The next one's requests wait. Default: 10,000. */
  readonly maxResidentEntities?: number
}

const addressOf = ({ host, port }: { readonly host: string; readonly port: number }) =>
  RunnerAddress.RunnerAddress.make({ host, port })

const configOf = (options: ClusterOptions): Partial<ShardingConfig.ShardingConfig["Service"]> => ({
  ...(options.timings ?? quick),
  runnerAddress: Option.some(addressOf(options)),
  runnerListenAddress: Option.map(Option.fromUndefinedOr(options.listen), addressOf),
  maxResidentEntities: options.maxResidentEntities ?? 10_000
})

/** The runners' agreement on who owns what, in the app's Postgres. Messages are not stored. */
const layerSharding = (
  options: ClusterOptions
): Layer.Layer<
  Sharding.Sharding,
  SocketServer.SocketServerError | Config.ConfigError,
  SqlClient.SqlClient
> => {
  const shardingConfig = configOf(options)
  return NodeClusterSocket.layer({ storage: "byo", shardingConfig }).pipe(
    Layer.provide([MessageStorage.layerNoop, Layer.orDie(SqlRunnerStorage.layer)]),
    Layer.provide(ShardingConfig.layer(shardingConfig))
  )
}

/** One runner of a cluster: it hosts its share of the lanes, and sends the rest to where it is hosted. */
export const layer = (
  options: ClusterOptions
): Layer.Layer<
  FibricPostgres.Services,
  StartRefused | SocketServer.SocketServerError | Config.ConfigError,
  PgClient.PgClient | SqlClient.SqlClient
> =>
  ClusterExecutor.layer(options).pipe(
    Layer.provide(layerSharding(options)),
    Layer.provideMerge(FibricPostgres.layer)
  )

/** The sharding of a cluster that is one process. Requests are encoded and decoded as on a wire. */
const layerAlone = Sharding.layer.pipe(
  Layer.provide([Runners.layerNoop, RunnerHealth.layerNoop]),
  Layer.provide([MessageStorage.layerNoop, RunnerStorage.layerMemory]),
  Layer.provide(ShardingConfig.layer())
)

/** A cluster of one process, for development: no sockets, no agreement, the same way through. */
export const layerSingle = (
  options?: ClusterExecutor.HostingOptions
): Layer.Layer<FibricPostgres.Services, StartRefused, PgClient.PgClient> =>
  ClusterExecutor.layer(options).pipe(Layer.provide(layerAlone), Layer.provideMerge(FibricPostgres.layer))
