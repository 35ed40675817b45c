/**
 * runner: a cluster of one runner in this process, as effect's cluster entities and its workflows both need
 * it. Messages and replies are in Postgres, so that both are durable; who owns which shard is in memory,
 * which is less work than the runners' table and is what `SingleRunner` offers to a single process.
 */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { PgClient } from "@effect/sql-pg"
import { Layer, Redacted } from "effect"
import { SingleRunner } from "effect/cluster"

/** How many connections the storage may use. */
const connections = 16

/** The storage, and the runner on it. */
export const layer = (url: string) =>
  SingleRunner.layer({
    runnerStorage: "memory",
    shardingConfig: {
      // Nothing leaves this process, so nothing has to be encoded for a wire.
      simulateRemoteSerialization: false,
      maxResidentEntities: "unbounded",
      // A sender is told of its reply; these are for what a dead process has left behind.
      entityMessagePollInterval: "1 second",
      entityReplyPollInterval: "20 millis",
      // Reached for when the read loop finds more than it holds: the callers are 256.
      unprocessedMessageBatchSize: 1_024
    }
  }).pipe(
    Layer.provide(NodeCrypto.layerDigest),
    Layer.provideMerge(PgClient.layer({ url: Redacted.make(url), maxConnections: connections }))
  )
