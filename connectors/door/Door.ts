/**
 * Door: commands one door for one action, and says honestly what became of it.
 *
 * For connectors: a capability of one's own calls `command` with the call that the kernel gave it, and
 * `lookup` where it declares `Recovery.lookup`. The device owns the truth about the door.
 */
import { Config, Context, Effect, Layer, type Option } from "effect"
import type { Call, NotPerformed, OutcomeUnknown } from "fibric"
import { ask, DoorUnreadable } from "./asking.ts"
import { type Command, commandIdFor, orderOf, topicsOf } from "./Command.ts"
import * as DoorConfig from "./config.ts"
import { converse } from "./conversation.ts"
import type { Confirmed, DoorRefused } from "./verdict.ts"

export class Door extends Context.Service<
  Door,
  {
    /**
     * Sends the command once, on a connection of its own, closed afterwards. The door is the call's
     * entity.
     *
     * Success: the device confirmed this command, by its answer or in its state; also where its state
     * says so already, then nothing is sent. `DoorRefused`: the device said no to it. `NotPerformed`:
     * proven that no device has acted on it. `OutcomeUnknown`: it had begun to leave, and no word of the
     * device came. Nothing leaves in the last tenth of the call's deadline or in its last second. An
     * interrupt closes the connection.
     */
    readonly command: (
      command: Command,
      call: Call
    ) => Effect.Effect<Confirmed, DoorRefused | NotPerformed | OutcomeUnknown>
    /**
     * Asks the door's retained state what became of the call's command. `None`: not carried out so far,
     * as far as the state was up to date. `DoorUnreadable`: it could not be asked or could not tell.
     */
    readonly lookup: (call: Call) => Effect.Effect<Option.Option<Confirmed>, DoorUnreadable>
  }
>()("fibric/connectors/door/Door") {}

const make = (options: DoorConfig.Options) => {
  const broker = DoorConfig.resolve(options)
  return Door.of({
    command: Effect.fn("Door.command")(function* (command, call) {
      const order = yield* orderOf(broker, command, call)
      return yield* converse(broker, order, call.deadlineMillis)
    }),
    lookup: Effect.fn("Door.lookup")(function* (call) {
      const topics = yield* Effect.mapError(
        topicsOf(broker, call.entity.id),
        ({ reason }) => new DoorUnreadable({ reason })
      )
      return yield* ask(broker, topics, commandIdFor(call.key), call.deadlineMillis)
    })
  })
}

/** Speaks to doors over the given broker. Nothing is connected before the first command. */
export const layer = (options: DoorConfig.Options): Layer.Layer<Door> => Layer.sync(Door, () => make(options))

/** The same, from configuration: by default from `MQTT_HOST` and its kin. */
export const layerConfig = (
  config: Config.Wrap<DoorConfig.Options> = DoorConfig.options
): Layer.Layer<Door, Config.ConfigError> => Layer.effect(Door, Effect.map(Config.unwrap(config), make))
