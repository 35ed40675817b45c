/**
 * What a run has to show: behind fibric no bolt turned twice for one command, and each turned whose
 * command the broker had passed on; without it, one command turned a bolt four times.
 */
import { Effect } from "effect"
import type { Broker } from "../../test/support/brokers.ts"
import * as bare from "./bare.ts"
import { commanded } from "./behind-fibric.ts"

/** A run, counted. */
export const run = Effect.fnUntraced(function* (broker: Broker, commands: number) {
  const [done, alone] = yield* Effect.all([commanded(broker, commands), bare.actuations(broker)], {
    concurrency: 2
  })
  const published = done.filter(({ published }) => published > 0)
  const count = (outcome: string) => done.filter((one) => one.outcome === outcome).length
  return {
    broker: broker.name,
    mqtt: broker.protocol,
    commands,
    fibric: {
      actuations: done.reduce((sum, { actuations }) => sum + actuations, 0),
      actuationsMax: Math.max(...done.map(({ actuations }) => actuations)),
      published: published.length,
      exactlyOneWherePublished: published.every(({ actuations }) => actuations === 1),
      noneWhereNotPublished: done.every(({ actuations, published }) => published > 0 || actuations === 0),
      performed: count("performed"),
      resolved: count("resolved"),
      inDoubt: count("InDoubt")
    },
    bare: { qos: 1, commands: 1, actuations: alone }
  }
})

export type Tally = Effect.Success<ReturnType<typeof run>>

/** What is not as it has to be. */
export const surprises = ({ bare, commands, fibric }: Tally): ReadonlyArray<string> => [
  ...(fibric.actuationsMax === 1 ? [] : [`one command turned a bolt ${fibric.actuationsMax} times`]),
  ...(fibric.exactlyOneWherePublished
    ? []
    : ["a command that the broker passed on did not turn its bolt once"]),
  ...(fibric.noneWhereNotPublished ? [] : ["a bolt turned for a command that the broker had not passed on"]),
  ...(fibric.performed + fibric.resolved + fibric.inDoubt === commands
    ? []
    : ["a command ended neither in a receipt nor in a doubt"]),
  // A doubt stays only where the broker may have had the command and never passed it on.
  ...(fibric.inDoubt === commands - fibric.published ? [] : ["a doubt stayed although its door has turned"]),
  ...(bare.actuations === 4 ? [] : [`the bare client turned the bolt ${bare.actuations} times, not 4`])
]
