/**
 * Carrying out: a connector that answers something else, fails with something undeclared or leaves a
 * capability out is a compile error.
 */
import { Context, Effect, type Layer, Schema } from "effect"
import {
  type Call,
  type Connector,
  type Connectors,
  NotPerformed,
  OutcomeUnknown,
  type StartRefused
} from "fibric"
import {
  DoorStuck,
  EmailRefused,
  type Equals,
  type IsAny,
  isFalse,
  isTrue,
  Notify,
  sent,
  shop
} from "./support.ts"

const unlock = () => Effect.void

const layer = shop.toLayer({ notify: () => sent, unlock })
isTrue<
  Equals<
    typeof layer,
    Layer.Layer<Connector.Handler<"notify"> | Connector.Handler<"unlock">, StartRefused, Connectors>
  >
>()

// What each function is given has the capability's types.
shop.toLayer({
  notify: (payload, call) => {
    isTrue<Equals<typeof payload, (typeof Notify.payload)["Type"]>>()
    isTrue<Equals<typeof call, Call>>()
    isFalse<IsAny<typeof payload>>()
    return sent
  },
  unlock
})

// Success, the declared refusal and the two words of proof and doubt are all that may come back.
shop.toLayer({ notify: () => Effect.fail(new EmailRefused({ reason: "no such mailbox" })), unlock })
shop.toLayer({
  notify: () => Effect.fail(new NotPerformed({ proof: "never_sent", reason: "refused the connection" })),
  unlock: () => Effect.fail(new OutcomeUnknown({ reason: "the line went dead" }))
})

// @ts-expect-error The answer does not fit: `messageId` is a string.
shop.toLayer({ notify: () => Effect.succeed({ messageId: 7 }), unlock })

// @ts-expect-error The answer lacks what the capability promises.
shop.toLayer({ notify: () => Effect.succeed({}), unlock })

// @ts-expect-error The failure is not declared: nobody who asks could read it.
shop.toLayer({ notify: () => Effect.fail(new DoorStuck({ torque: 3 })), unlock })

// @ts-expect-error The capability declares no refusal, so its function may not refuse.
shop.toLayer({ notify: () => sent, unlock: () => Effect.fail(new DoorStuck({ torque: 3 })) })

// @ts-expect-error A function is missing: nothing would carry out "unlock".
shop.toLayer({ notify: () => sent })

// @ts-expect-error A promise is no effect: it would already run.
shop.toLayer({ notify: async () => ({ messageId: "m-1" }), unlock })

// @ts-expect-error The function reads a field that the payload doesn't have.
shop.toLayer({ notify: ({ subject }) => Effect.succeed({ messageId: subject }), unlock })

class Outbound extends Context.Service<Outbound, { readonly send: Effect.Effect<{ messageId: string }> }>()(
  "test/types/Outbound"
) {}

class NoHost extends Schema.TaggedError<NoHost>()("NoHost", {}) {}

// What the functions need, the layer needs; what building them fails with, the layer fails with.
const needy = shop.toLayer({ notify: () => Effect.flatMap(Outbound, ({ send }) => send), unlock })
isTrue<Equals<Layer.Services<typeof needy>, Outbound | Connectors>>()

const built = shop.toLayer(
  Effect.gen(function* () {
    const { send } = yield* Outbound
    yield* Effect.addFinalizer(() => Effect.void)
    if (send === undefined) return yield* new NoHost()
    return { notify: () => send, unlock }
  })
)
isTrue<Equals<Layer.Services<typeof built>, Outbound | Connectors>>()
isTrue<Equals<Layer.Error<typeof built>, NoHost | StartRefused>>()

// @ts-expect-error An answer that does not fit is seen through the effect that builds it, too.
shop.toLayer(Effect.succeed({ notify: () => Effect.succeed({ messageId: 7 }), unlock }))
