/**
 * A lock device of ours, simulated: it hears commands for all doors under a root, acts on each that
 * reaches it, keeps its state in a retained message and answers where it is asked to. It counts what it
 * has really done. By default it recognises nothing: what is told twice is done twice.
 */
import { Deferred, Effect, Exit, type Scope } from "effect"
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt"
import type { Broker } from "./brokers.ts"

/** One turn of a bolt. */
export interface Actuation {
  readonly door: string
  readonly verb: string
  readonly id: string
}

/** How a device may be. */
export interface Habits {
  /** How many ids it remembers. */
  readonly remembers: number
  /** Whether it tells its state after it has acted. */
  readonly tells: boolean
  /** Whether it answers where an answer is asked for. */
  readonly answers: boolean
  /** Whether it looks at its clock before it acts. */
  readonly heedsTime: boolean
  /** Refuses what is asked for longer than this. */
  readonly longestSeconds: number
  /** Waits for this before it acts. */
  readonly gate: Promise<void> | undefined
}

const obedient: Habits = {
  remembers: 16,
  tells: true,
  answers: true,
  heedsTime: false,
  longestSeconds: 30,
  gate: undefined
}

export interface LockDevice {
  /** What it has really done, once it has dealt with everything that the broker had for it. */
  readonly actuations: Effect.Effect<ReadonlyArray<Actuation>>
  /** Changes its habits. */
  readonly behave: (habits: Partial<Habits>) => Effect.Effect<void>
  /** Goes away without a word; what it has subscribed to stays, where its session does. */
  readonly leave: Effect.Effect<void>
  /** Comes back, on its own session where there is one. */
  readonly comeBack: Effect.Effect<void>
  /** Publishes something on the door's state topic, whatever it is. */
  readonly say: (door: string, state: string) => Effect.Effect<void>
}

export interface DeviceOptions {
  readonly root: string
  /** The doors that have a state from the beginning. */
  readonly doors: ReadonlyArray<string>
  /** Whether the broker keeps its session while it is away. Default: no. */
  readonly persistent?: boolean
  readonly login?: Pick<IClientOptions, "username" | "password">
}

interface Told {
  readonly id: string
  readonly verb: string
  readonly seconds?: number
  readonly notAfter: number
}

type Properties = { readonly responseTopic?: string; readonly correlationData?: Buffer } | undefined

/** Its own side: what it has done, and what it says of it. */
class Bolts {
  readonly done: Array<Actuation> = []
  readonly refused = new Map<string, string>()
  habits: Habits = obedient

  state(door: string): string {
    const mine = this.done.filter((actuation) => actuation.door === door)
    return JSON.stringify({
      locked: mine.at(-1)?.verb !== "unlock",
      done: [...new Set(mine.map(({ id }) => id))].slice(-this.habits.remembers),
      remembers: this.habits.remembers,
      refused: Object.fromEntries(this.refused)
    })
  }

  act(
    door: string,
    { id, notAfter, seconds = 0, verb }: Told
  ): { readonly result: string; readonly reason?: string } {
    if (seconds > this.habits.longestSeconds) {
      this.refused.set(id, tooLong)
      return { result: "refused", reason: tooLong }
    }
    if (this.habits.heedsTime && Date.now() > notAfter) return { result: "expired" }
    this.done.push({ door, verb, id })
    return { result: "done" }
  }
}

const tooLong = "so long may no door stand open"

/** Installs a device at a broker. */
export const make = Effect.fnUntraced(function* (
  broker: Broker,
  { doors, login = {}, persistent = false, root }: DeviceOptions
): Effect.fn.Return<LockDevice, never, Scope.Scope> {
  const bolts = new Bolts()
  const options: IClientOptions = {
    ...login,
    host: "127.0.0.1",
    port: broker.port,
    protocol: "mqtt",
    protocolVersion: broker.protocol === "5" ? 5 : 4,
    clientId: `device-${root}`,
    clean: !persistent,
    ...(broker.protocol === "5" ? { properties: { sessionExpiryInterval: persistent ? 3_600 : 0 } } : {})
  }
  const fences = new Map<string, Deferred.Deferred<void>>()
  const publish = (
    client: MqttClient,
    topic: string,
    text: string,
    retain: boolean,
    properties?: Properties
  ) => client.publishAsync(topic, text, { qos: 1, retain, ...(properties && { properties }) })

  const obey = async (client: MqttClient, door: string, told: Told, properties: Properties) => {
    const { gate } = bolts.habits
    await gate
    const answer = bolts.act(door, told)
    if (bolts.habits.tells) await publish(client, `${root}/${door}/state`, bolts.state(door), true)
    const { correlationData, responseTopic } = properties ?? {}
    if (!bolts.habits.answers || responseTopic === undefined) return
    await publish(client, responseTopic, JSON.stringify(answer), false, {
      ...(correlationData && { correlationData })
    })
  }
  const start = async () => {
    const client = await connectAsync(options)
    client.on("error", () => {})
    client.on("message", (topic, payload, { properties }) => {
      const fence = fences.get(payload.toString())
      if (fence !== undefined) return void Deferred.doneUnsafe(fence, Exit.void)
      const door = topic.split("/").at(-2) ?? ""
      const told: Told = JSON.parse(payload.toString())
      // It may have left in the meantime; what it could not tell is not told.
      obey(client, door, told, properties).catch(() => undefined)
    })
    await client.subscribeAsync([`${root}/+/command`, `${root}/fence`], { qos: 2 })
    return client
  }
  let client = yield* Effect.promise(start)
  yield* Effect.addFinalizer(() => Effect.promise(() => client.endAsync(true)))
  for (const door of doors) {
    yield* Effect.promise(() => publish(client, `${root}/${door}/state`, bolts.state(door), true))
  }
  let fenced = 0
  /** What it has sent to itself comes after all that the broker had for it. */
  const upToDate = Effect.suspend(() => {
    if (!client.connected) return Effect.void
    const name = `fence ${++fenced}`
    const fence = Deferred.makeUnsafe<void>()
    fences.set(name, fence)
    return Effect.andThen(
      Effect.promise(() => client.publishAsync(`${root}/fence`, name, { qos: 2 })),
      Deferred.await(fence)
    )
  })
  return {
    actuations: Effect.andThen(
      upToDate,
      Effect.sync(() => [...bolts.done])
    ),
    behave: (habits) => Effect.sync(() => void (bolts.habits = { ...bolts.habits, ...habits })),
    leave: Effect.promise(() => client.endAsync(true)),
    comeBack: Effect.promise(async () => {
      client = await start()
    }),
    say: (door, state) =>
      Effect.asVoid(Effect.promise(() => publish(client, `${root}/${door}/state`, state, true)))
  }
})
