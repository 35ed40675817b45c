/**
 * ground: all that a run stands on, started for one stage: the server, the world, the wire, the workers.
 */
import { Effect, FileSystem, Redacted } from "effect"
import * as Clocks from "./Clocks.ts"
import * as Disk from "./Disk.ts"
import * as Fleet from "./Fleet.ts"
import * as OutsideWorld from "./OutsideWorld.ts"
import * as Pooler from "./Pooler.ts"
import * as Server from "./Server.ts"
import type { Stage } from "./Stage.ts"
import * as Wire from "./Wire.ts"

export interface Options {
  readonly seed: number
  /** How long the faults last. What comes before and after takes about as long as it needs. */
  readonly seconds: number
  readonly stage: Stage
}

const places = 5

export const make = Effect.fnUntraced(function* ({ seed, stage }: Options) {
  const environment = stage === "clocks" ? yield* Clocks.make : () => ({})
  const directory = yield* Server.newDirectory
  if (stage === "disk-full") yield* Disk.mounted(directory)
  const server = yield* Server.make(directory, stage === "disk-full" ? Disk.settings : {})
  const pooler = stage === "pgbouncer" ? yield* Pooler.make(server) : undefined
  const { makeTempDirectoryScoped } = yield* FileSystem.FileSystem
  const folder = yield* makeTempDirectoryScoped({ prefix: "fibric-chaos-" })
  const world = yield* OutsideWorld.make(seed)
  const wire = yield* Wire.make(pooler === undefined ? server.socket : () => pooler)
  const fleet = yield* Fleet.make({
    places,
    program: yield* Fleet.bundle(folder),
    world,
    url: () => server.urlAt(wire.port),
    compiled: Redacted.make(folder),
    isPooled: pooler !== undefined,
    environment
  })
  yield* Fleet.complete(fleet)
  return { server, world, wire, fleet }
})

export type Ground = Effect.Success<ReturnType<typeof make>>
