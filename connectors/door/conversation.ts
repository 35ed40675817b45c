/**
 * Conversation: one command to one door, on a connection of its own.
 *
 * First the door's state is heard: a door that nobody hears of is sent nothing, and a command that it
 * has carried out already is not sent again. Then the command leaves, once, and what the device says
 * decides. The device owns the truth; the broker only says what it did with the packet.
 */
import { Clock, Duration, Effect } from "effect"
import type { IConnackPacket } from "mqtt"
import type { Order, Packet } from "./Command.ts"
import type { Broker } from "./config.ts"
import { Departure } from "./Departure.ts"
import * as Link from "./Link.ts"
import { Talk } from "./Talk.ts"
import { afterThePublish, beforeThePublish, type Confirmed, type Failure } from "./verdict.ts"

/** Before a deadline the command must have left by at least this much: an expiry counts whole seconds. */
const leastToLiveMillis = 1_000

/** The rest of the deadline is left for the device to act in. */
const departureShare = 0.9

/**
 * Holds the conversation. Nothing of the command leaves in the last tenth of the deadline, nor in its
 * last second, its PUBREL included. If its PUBLISH has left by then, the device's word is waited for as
 * long as `answerTimeout` says: a late word is still evidence. An interrupt closes the connection.
 */
export const converse = Effect.fnUntraced(function* (
  broker: Broker,
  order: Order,
  deadlineMillis: number
): Effect.fn.Return<Confirmed, Failure> {
  const clock = yield* Clock.Clock
  const startNanos = clock.monotonicTimeNanosUnsafe()
  const elapsedMillis = () => Number(clock.monotonicTimeNanosUnsafe() - startNanos) / 1e6
  const departureMillis = Math.min(deadlineMillis * departureShare, deadlineMillis - leastToLiveMillis)
  if (!(departureMillis > 0)) return yield* beforeThePublish("its deadline leaves no time to send it in")

  const departure = new Departure(() => elapsedMillis() < departureMillis)
  const packet = () => order.packet(clock.currentTimeMillisUnsafe(), deadlineMillis - elapsedMillis())
  const command = (link: Link.Link) => {
    const timesUp = Effect.gen(function* () {
      yield* Effect.sleep(Duration.millis(departureMillis))
      if (departure.close() === "held") return yield* beforeThePublish("its time was over")
      yield* Effect.sleep(broker.answerTimeout)
      return yield* afterThePublish(departure.stage, "the door confirmed nothing", order.id)
    })
    return Effect.raceFirst(speak(link, order, departure, packet), timesUp)
  }
  return yield* Link.use(broker, command, beforeThePublish)
})

/** Why a broker can't carry a command at all, by what it says of itself; `undefined` where it can. */
const unfit = ({ properties }: IConnackPacket): string | undefined => {
  if (properties?.maximumQoS !== undefined && properties.maximumQoS < 2) return "the broker has no QoS 2"
  return properties?.retainAvailable === false ? "the broker keeps no retained messages" : undefined
}

/** Speaks until the first outcome; whatever comes later finds it settled. */
const speak = (link: Link.Link, order: Order, departure: Departure, packet: () => Packet) =>
  Effect.callback<Confirmed, Failure>((resume) => {
    const { client } = link
    const { answerTo, topics } = order
    const talk = new Talk(link, order, departure, packet, resume)
    Link.onEnd(link, (what) => talk.end(what))
    client.on("connect", (connack) => {
      const problem = unfit(connack)
      if (problem !== undefined) return talk.end(problem)
      client.subscribe(
        // The state as it is now; an answer only as it comes, never one that somebody retained.
        { [topics.state]: { qos: 1 }, ...(answerTo && { [answerTo.topic]: { qos: 1, rh: 2 } }) },
        (error) => (error ? talk.end(error.message) : talk.listens())
      )
    })
    client.on("message", (topic, payload, { properties, retain }) => {
      if (topic === topics.state) return talk.hearState(payload)
      const ours = answerTo !== undefined && topic === answerTo.topic && !retain
      if (ours && properties?.correlationData?.equals(answerTo.mark) === true) talk.hearAnswer(payload)
    })
    // Heard before the library acts on it: it would send PUBREL by itself.
    client.on("packetreceive", (received) => {
      if (received.cmd === "pubrec") talk.hearPubrec(received)
    })
  })
