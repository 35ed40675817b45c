/**
 * Command: what a door is told to do, and the packet that tells it.
 *
 * The caller owns the verb; the key owns the command's id. The packet is never retained, and it carries
 * the instant after which nobody may act on it any more.
 */
import { createHash } from "node:crypto"
import { Effect, Schema } from "effect"
import { type Call, NotPerformed } from "fibric"
import type { IClientPublishOptions } from "mqtt"
import type { Broker, Topics } from "./config.ts"
import { beforeThePublish } from "./verdict.ts"

/** One command for one door: `unlock` for 5 seconds. */
export const Command = Schema.Struct({
  /** What the device calls it, such as `unlock`: small letters, digits and hyphens. */
  verb: Schema.String.check(
    Schema.isPattern(/^[a-z][a-z0-9-]{0,63}$/, {
      message: "Expected a verb of small letters, such as unlock"
    })
  ),
  /** For how long, where the verb has a duration. */
  seconds: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3_600 })))
})
export type Command = typeof Command.Type

/** A command ready to leave: its topics, its id, and the packet for a given time to live. */
export interface Order {
  readonly id: string
  readonly topics: Topics
  /** Where an answer to this very dispatch is expected, and the mark that it carries. MQTT 5 only. */
  readonly answerTo: { readonly topic: string; readonly mark: Buffer } | undefined
  readonly packet: (nowMillis: number, liveMillis: number) => Packet
}

export interface Packet {
  readonly payload: string
  readonly options: IClientPublishOptions
}

/**
 * The id of the command for a key: the same for every dispatch of one intended change, so that a door
 * which keeps the ids of what it has done can be asked for it. The key is hashed: it may hold what a
 * device, and whoever listens to the broker, should not read.
 */
export const commandIdFor = (key: string): string =>
  createHash("sha256")
    .update(JSON.stringify(["fibric/door/command/1", key]))
    .digest("hex")
    .slice(0, 32)

/** One level of a topic, and nothing that could name another door or many. */
const level = /^[^\p{Cc}/+#]{1,200}$/u

/** A topic that can be written to: no wildcard, nothing empty. */
const plain = /^[^\p{Cc}+#]{1,1000}$/u

/** The topics of the call's door, or the proof that no packet can be addressed to it. */
export const topicsOf = Effect.fnUntraced(function* (
  { topics }: Broker,
  door: string
): Effect.fn.Return<Topics, NotPerformed> {
  const name = JSON.stringify(door)
  if (!level.test(door)) return yield* beforeThePublish(`the door's id ${name} can't be part of a topic`)
  const named = yield* Effect.try({
    try: () => topics(door),
    catch: (error) => beforeThePublish(`the door ${name} has no topics: ${String(error)}`)
  })
  const bad = [named.command, named.state, named.answers].find((topic) => !plain.test(topic))
  return bad === undefined ? named : yield* beforeThePublish(`${JSON.stringify(bad)} is no topic of one door`)
})

const decode = Schema.decodeUnknownEffect(Command)

/** Makes the packet. Fails, with proof, where the command does not fit its schema or the door has no topic. */
export const orderOf = Effect.fnUntraced(function* (
  broker: Broker,
  command: Command,
  call: Call
): Effect.fn.Return<Order, NotPerformed> {
  const { seconds, verb } = yield* Effect.mapError(
    decode(command),
    (error) =>
      new NotPerformed({
        proof: "never_sent",
        reason: `the command can't be sent as it is: ${error.message}`
      })
  )
  const topics = yield* topicsOf(broker, call.entity.id)
  const id = commandIdFor(call.key)
  // The mark names the dispatch, not only the command: the answer to an earlier dispatch, which says
  // that it came too late, must not be taken for the answer to this one.
  const mark = `${id}.${call.attempt}`
  const answerTo =
    broker.protocol === "5" ? { topic: `${topics.answers}/${mark}`, mark: Buffer.from(mark) } : undefined
  return {
    id,
    topics,
    answerTo,
    packet: (nowMillis, liveMillis) => ({
      payload: JSON.stringify({
        id,
        verb,
        ...(seconds === undefined ? {} : { seconds }),
        notAfter: Math.floor(nowMillis + liveMillis)
      }),
      options: {
        qos: 2,
        retain: false,
        ...(answerTo === undefined
          ? {}
          : {
              properties: {
                // In whole seconds, rounded down: never past the deadline.
                messageExpiryInterval: Math.max(1, Math.floor(liveMillis / 1_000)),
                responseTopic: answerTo.topic,
                correlationData: answerTo.mark
              }
            })
      }
    })
  }
})
