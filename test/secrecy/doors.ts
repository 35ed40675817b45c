/**
 * Doors: a capability with a secret in its payload, and a connector and a guard that tell it to everybody
 * as soon as anything goes wrong.
 */
import { Effect, Redacted, Schema } from "effect"
import { Capability, Connector, Entity, Guard, NotPerformed, OutcomeUnknown, Recovery } from "fibric"

/** What a call comes to. */
export const endings = [
  "performed",
  "refused",
  "not performed",
  "unknown",
  "undeclared",
  "defect",
  "long",
  "interrupted",
  "guard fails",
  "guard dies",
  "superseded",
  "no state"
] as const
export type Ending = (typeof endings)[number]

const Door = Entity.make("door", { state: Schema.Struct({ last: Schema.String }), initial: { last: "" } })

class DoorRefused extends Schema.TaggedError<DoorRefused>()("DoorRefused", { said: Schema.String }) {}

/** What a guard fails with; its message is all that was said. */
class CameraBroken extends Schema.TaggedError<CameraBroken>()("CameraBroken", { said: Schema.String }) {
  override get message() {
    return this.said
  }
}

const options = {
  entity: Door,
  payload: {
    pin: Schema.Redacted(Schema.String),
    more: Schema.Struct({ codes: Schema.Array(Schema.RedactedFromValue(Schema.String)) }),
    /** Not a secret: it is looked for to see that something would be found. */
    note: Schema.String,
    ending: Schema.Literals(endings)
  },
  success: Schema.Struct({ said: Schema.String }),
  error: DoorRefused,
  occasion: () => "once",
  deadline: "20 seconds"
} as const

type Payload = {
  readonly pin: Redacted.Redacted<string>
  readonly more: { readonly codes: ReadonlyArray<Redacted.Redacted<string>> }
  readonly note: string
  readonly ending: Ending
}

const entity = {
  guard: ({ payload: { ending, more, note, pin } }: { readonly payload: Payload }) => {
    const said = tell(note, pin, more.codes)
    if (ending === "guard fails") return Effect.fail(new CameraBroken({ said }))
    if (ending === "guard dies") return Effect.die(new Error(said))
    return ending === "superseded" ? Guard.superseded(said) : Guard.wanted
  },
  becomes: ({ payload: { ending, more, note, pin } }: { readonly payload: Payload }) => {
    const said = tell(note, pin, more.codes)
    if (ending === "no state") throw new Error(said)
    return { last: said }
  }
}

export const Unlock = Capability.make("unlock", { ...options, ...entity, recovery: Recovery.hold })

/** The same, whose settlement commits with its effect. */
export const UnlockInLedger = Capability.make("unlock-in-ledger", {
  ...options,
  ...entity,
  recovery: Recovery.transactional
})

/** Everything, in every form that a careless author writes. */
const tell = (
  note: string,
  pin: Redacted.Redacted<string>,
  codes: ReadonlyArray<Redacted.Redacted<string>>
): string =>
  [pin, ...codes]
    .map(Redacted.value)
    .map((secret) =>
      [
        secret,
        JSON.stringify({ secret }),
        encodeURIComponent(secret),
        Buffer.from(secret).toString("base64")
      ].join(" ")
    )
    .join(" ")
    .concat(` ${note}`)

const unlock = ({
  ending,
  more,
  note,
  pin
}: Payload): Effect.Effect<{ readonly said: string }, DoorRefused | NotPerformed | OutcomeUnknown> => {
  const said = tell(note, pin, more.codes)
  switch (ending) {
    case "refused":
      return Effect.fail(new DoorRefused({ said }))
    case "not performed":
      return Effect.fail(new NotPerformed({ proof: "never_sent", reason: said }))
    case "unknown":
      return Effect.fail(new OutcomeUnknown({ reason: said }))
    case "undeclared":
      // Somebody's own mistake, past the compiler.
      return Effect.fail(new Error(said) as never)
    case "defect":
      return Effect.die(new Error(said))
    case "long":
      // Cut in the middle of the secret.
      return Effect.die(new Error(`${"x".repeat(1_960)} ${Redacted.value(pin)} ${note}`))
    case "interrupted":
      return Effect.interrupt
    default:
      return Effect.succeed({ said })
  }
}

export const layerDoors = Connector.make("doors", Unlock, UnlockInLedger).toLayer({
  unlock,
  "unlock-in-ledger": unlock
})
