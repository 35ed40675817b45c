/**
 * Connectors for the fake bell: an honest one for each recovery, and each of the bad habits that the laws
 * are there for.
 */
import { randomUUID } from "node:crypto"
import { Effect, Fiber, Option, Schema } from "effect"
import { type Call, Capability, Connector, Entity, NotPerformed, OutcomeUnknown, Recovery } from "fibric"
import { type Address, subject } from "fibric/testing/laws"
import { converse, type Ended, timeOver } from "./conversation.ts"
import * as FakeBell from "./FakeBell.ts"

/** What a connector does wrong. */
export type Habit =
  /** Sends again when the answer is lost. */
  | "retrying"
  /** Connects again when it was not even asked: no harm yet, but behind the kernel's back. */
  | "reconnecting"
  /** Calls a lost answer unknown, and goes to see by itself whether the bell can be reached again. */
  | "restless"
  /** Calls a lost answer a success. */
  | "optimistic"
  /** Calls a lost answer not performed. */
  | "pessimistic"
  /** Tells its password, in the form in which it was sent. */
  | "leaking"
  /** Neither has a deadline nor can be interrupted. */
  | "deaf"
  /** Says that its time was over, and goes on in the background. */
  | "lingering"
  /** Calls a definite no an unknown outcome. */
  | "vague"
  /** Makes a new key for each attempt. */
  | "forgetful"
  /** Makes one key for all that is ever intended for an entity. */
  | "stuck"
  /** Where it is asked again, fails with an error that has in it what was sent, beside its message. */
  | "blurting"
  /** Looks up, and never finds. */
  | "blind"
  /** Looks up, and takes no answer for a no. */
  | "guessing"
  /** Looks up, and takes an answer that was lost on its way for a no. */
  | "hasty"
  /** Looks up, and fails with an error that has in it what was sent, beside its message. */
  | "indiscreet"

export const Bell = Entity.make("bell")

export class BellRefused extends Schema.TaggedError<BellRefused>()("BellRefused", { why: Schema.String }) {}

const ringing = <const R extends Recovery.Recovery>(recovery: R) =>
  Capability.make("ring", {
    entity: Bell,
    payload: { times: Schema.Int },
    success: Schema.Struct({ id: Schema.String }),
    error: BellRefused,
    occasion: () => "once",
    recovery,
    deadline: "10 seconds",
    stores: ["times"],
    effectId: ({ id }) => id
  })

const RingHold = ringing(Recovery.hold)
const RingResend = ringing(Recovery.resend({ window: "1 day" }))
const RingLookup = ringing(Recovery.lookup({ lag: 0 }))

// Neither function has a span of its own: that would tell what it fails with.

/** The rest of the deadline is left for telling how it ended. */
const share = 0.8

const ring = (address: Address, keyed: boolean, habit: Habit | undefined) => {
  const keyOf = ({ entity, key }: Call) => {
    if (!keyed) return "-"
    if (habit === "stuck") return entity.id
    return habit === "forgetful" ? randomUUID() : key
  }
  const converseOnce = (line: string, millis: number): Effect.Effect<Ended> => {
    if (habit === "deaf") return Effect.uninterruptible(converse(address, line, 3_600_000))
    if (habit === "lingering") return lingering(address, line, millis)
    return converse(address, line, millis)
  }
  return Effect.fnUntraced(function* ({ times }: { readonly times: number }, call: Call) {
    if (habit === "blurting" && call.attempt > 1) return yield* Effect.die(telling("it was asked before"))
    const line = `RING ${keyOf(call)} ${times}`
    const millis = call.deadlineMillis * share
    const first = yield* converseOnce(line, millis)
    // When its time is over it leaves it at that: whether a second try comes too late would be chance.
    const again =
      first._tag === "Lost" &&
      first.reason !== timeOver &&
      habit === (first.asked ? "retrying" : "reconnecting")
    if (habit === "restless" && first._tag === "Lost") {
      yield* Effect.forkDetach(Effect.delay(converse(address, "BYE", 3_600_000), "20 millis"))
    }
    return yield* outcomeOf(again ? yield* converseOnce(line, millis) : first, habit)
  })
}

const lingering = Effect.fnUntraced(function* (address: Address, line: string, millis: number) {
  const talking = yield* Effect.forkDetach(converse(address, line, 3_600_000))
  const ended = yield* Effect.timeoutOption(Fiber.join(talking), millis)
  return Option.getOrElse(ended, (): Ended => ({ _tag: "Lost", asked: true, reason: timeOver }))
})

const sent = Buffer.from(`\0bell\0${FakeBell.password}`).toString("base64")

/** An error as many a library makes one: its message is harmless, and the request stands beside it. */
const telling = (message: string) => Object.assign(new Error(message), { request: { sent } })

const outcomeOf = Effect.fnUntraced(function* (ended: Ended, habit: Habit | undefined) {
  if (ended._tag === "Answered") {
    const [verb, ...rest] = ended.line.split(" ")
    if (verb === "DONE") return { id: rest.join(" ") }
    if (verb === "NO" && habit !== "vague") return yield* new BellRefused({ why: rest.join(" ") })
    return yield* new OutcomeUnknown({ reason: `it said ${verb}` })
  }
  const { asked, reason } = ended
  if (asked && habit === "optimistic") return { id: "surely" }
  const told = habit === "leaking" ? `${reason} (sent ${sent})` : reason
  if (asked && habit !== "pessimistic") return yield* new OutcomeUnknown({ reason: told })
  return yield* new NotPerformed({ proof: "never_sent", reason: told })
})

const find = (address: Address, habit: Habit | undefined) =>
  Effect.fnUntraced(function* (_: unknown, { deadlineMillis, key }: Call) {
    if (habit === "blind") return Option.none()
    const ended = yield* converse(address, `FIND ${key}`, deadlineMillis * share)
    const [verb, id] = ended._tag === "Answered" ? ended.line.split(" ") : []
    if (verb === "FOUND" && id !== undefined) return Option.some({ id })
    if (verb === "NOTHING" || habit === "guessing") return Option.none()
    if (habit === "hasty" && ended._tag === "Lost" && ended.asked) return Option.none()
    const problem = "it could not be asked"
    return yield* Effect.fail(habit === "indiscreet" ? telling(problem) : problem)
  })

// Short times: the fake answers at once.
const shared = {
  server: FakeBell.make,
  secrets: [FakeBell.password],
  silence: "400 millis",
  watch: "100 millis"
} as const

const once = { times: 1 }
const tooOften = { times: FakeBell.mostTimes + 1 }

/** A connector with `Recovery.hold`; without a habit it is an honest one. So are the others. */
export const holding = (habit?: Habit) =>
  subject({
    ...shared,
    name: habit ?? "bell (hold)",
    connector: (address) => Connector.make("bell", RingHold).toLayer({ ring: ring(address, false, habit) }),
    action: RingHold.propose(Bell.at("1"), once),
    refused: RingHold.propose(Bell.at("1"), tooOften)
  })

export const resending = (habit?: Habit) =>
  subject({
    ...shared,
    name: habit ?? "bell (resend)",
    connector: (address) => Connector.make("bell", RingResend).toLayer({ ring: ring(address, true, habit) }),
    action: RingResend.propose(Bell.at("1"), once),
    refused: RingResend.propose(Bell.at("1"), tooOften)
  })

export const lookingUp = (habit?: Habit) =>
  subject({
    ...shared,
    name: habit ?? "bell (lookup)",
    connector: (address) =>
      Connector.make("bell", RingLookup).toLayer({
        ring: { perform: ring(address, true, habit), lookup: find(address, habit) }
      }),
    action: RingLookup.propose(Bell.at("1"), once),
    refused: RingLookup.propose(Bell.at("1"), tooOften)
  })
