/**
 * RealTime: the ways out of a simulation, closed while one runs. What is not drawn from the seed would
 * make two runs of it differ, and what waits for real would never end.
 */

const ways = {
  "Date.now": [globalThis.Date, "now", "take time from Effect's Clock"],
  "Math.random": [globalThis.Math, "random", "take randomness from Effect's Random"],
  setTimeout: [globalThis, "setTimeout", "use Effect.sleep"],
  setInterval: [globalThis, "setInterval", "use a Schedule"],
  setImmediate: [globalThis, "setImmediate", "use Effect.yieldNow"],
  fetch: [globalThis, "fetch", "act on the simulated world"]
} as const

/** Runs it with every way out closed: whoever takes one dies with a sentence that says what to do. */
export const closed = <A>(run: () => A): A => {
  const opened: Array<() => void> = []
  for (const [name, [object, member, instead]] of Object.entries(ways)) {
    const original: unknown = Reflect.get(object, member)
    Reflect.set(object, member, () => {
      throw new Error(`${name} was called inside a simulation, where only the seed decides: ${instead}.`)
    })
    opened.push(() => void Reflect.set(object, member, original))
  }
  try {
    return run()
  } finally {
    for (const open of opened) open()
  }
}
