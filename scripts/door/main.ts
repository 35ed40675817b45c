/**
 * A door under lost acknowledgements: commands behind fibric, and one without it. `npm run door`, with
 * `-- --json` for a program to read, `-- --commands 16` for a shorter run.
 *
 * Everything but the lock is real: the broker (mosquitto with MQTT 5 where it is installed, else aedes
 * with 3.1.1), the client library, the wire. The lock counts how often its bolt turns. It ends with 1 if
 * something is not as it has to be.
 */
import { Console, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import * as Harness from "../harness/command.ts"
import { aedes, mosquitto, mosquittoPath } from "../../test/support/brokers.ts"
import { run, surprises, type Tally } from "./tally.ts"

const draw = ({ bare, broker, commands, fibric, mqtt }: Tally): string =>
  [
    `${broker}, MQTT ${mqtt}; an acknowledgement of each command lost on its way`,
    `behind fibric: ${commands} commands, each asked for again and again`,
    `  ${fibric.published} passed on by the broker, ${fibric.actuations} turns of a bolt, at most ${fibric.actuationsMax} for one command`,
    `  ${fibric.performed} performed, ${fibric.resolved} in doubt and resolved by asking the door, ${fibric.inDoubt} in doubt and never passed on`,
    `the bare client at QoS ${bare.qos}: ${bare.commands} command, ${bare.actuations} turns of the bolt`
  ].join("\n")

const door = Command.make(
  "door",
  {
    commands: Harness.whole("commands", "How many commands to give behind fibric", {
      least: 8,
      most: 1_000
    }).pipe(Flag.withDefault(100)),
    json: Harness.json
  },
  Effect.fn(function* ({ commands, json }) {
    const broker = yield* mosquittoPath === undefined ? aedes() : mosquitto()
    const tally = yield* run(broker, commands)
    yield* Console.log(json ? JSON.stringify(tally) : draw(tally))
    const wrong = surprises(tally)
    if (wrong.length > 0) return yield* new Harness.Surprised({ surprises: wrong })
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Loses the acknowledgements of commands to doors, and counts how often a bolt turns"
  )
)

Harness.run(door)
