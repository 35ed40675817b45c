import { NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Config, Console, Effect, Layer, Schema } from "effect"
import { Capability, Connector, Entity, execute, Operator, ReceiptLog, Recovery } from "fibric"
import * as FibricPostgres from "fibric/postgres"

const Door = Entity.make("door")

const Unlock = Capability.make("unlock", {
  entity: Door,
  payload: { visit: Schema.String, seconds: Schema.Int },
  success: Schema.Void,
  occasion: ({ visit }) => visit,
  recovery: Recovery.hold,
  deadline: "5 seconds"
})

const Doors = Connector.make("doors", Unlock).toLayer({
  unlock: ({ seconds }, { entity }) => Console.log(`door ${entity.id} opens for ${seconds} s`)
})

// The app's own client. fibric reads from it where the database is, and opens connections of its own:
// no transaction of the app's can hold a claim open or take it back.
const Database = PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL") })

const App = Doors.pipe(Layer.provideMerge(FibricPostgres.layer), Layer.provideMerge(Database))

const program = Effect.gen(function* () {
  const action = Unlock.propose(Door.at("12"), { visit: "courier-0815", seconds: 5 })
  yield* Effect.replicateEffect(execute(action), 3, { concurrency: "unbounded" })

  const log = yield* ReceiptLog
  yield* Console.log(yield* log.totals(action.key))

  const sql = yield* PgClient.PgClient
  yield* Console.log(yield* sql`SELECT key, outcome, operator, count FROM fibric.receipts ORDER BY at`)
})

NodeRuntime.runMain(program.pipe(Operator.as("reception"), Effect.provide(App)))
