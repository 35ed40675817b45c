/**
 * serve: the main program of every subject's process. It takes commands line by line, does the workload
 * that each one names, and answers with what it measured; it ends when its stdin closes, so it can't
 * outlive the harness.
 *
 * The effect is a count, kept here and out of the peer's reach; in a crash trial it is a line at the end of
 * a file, after which the process kills itself.
 */
import { appendFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { answered, type Command, effectsFile } from "./Command.ts"
import * as Load from "./load.ts"
import type { Effect, Mode, Request, Running, Subject, Where } from "./Subject.ts"

/** How often the effect ran, and how many runs had another one beside them. */
interface Counted {
  effects: number
  running: number
  overlapping: number
}

const counting = (counted: Counted): Effect =>
  async function effect() {
    counted.effects += 1
    counted.running += 1
    if (counted.running > 1) counted.overlapping += 1
    // One turn of the event loop: whoever would run beside this one does so now.
    await new Promise((resolve) => setImmediate(resolve))
    counted.running -= 1
  }

/** A count that takes no time at all: what is left is the peer. */
const instant = (counted: Counted): Effect => {
  const done = Promise.resolve()
  return () => {
    counted.effects += 1
    return done
  }
}

/** How many effects a pace is taken from, three times: the best of them is nearest to being warm. */
const paced = 256

/** What is done before the clock starts, so that nobody is measured while it compiles. */
const warm = async (running: Running, requests: ReadonlyArray<Request>) => {
  await Load.run(requests, running.ask)
}

const requestOf = (series: string): Request => ({ key: `${series}-0`, entity: `${series}-0`, series })

const perform = async (subject: Subject, where: Where, command: Command): Promise<object> => {
  const counted: Counted = { effects: 0, running: 0, overlapping: 0 }
  const { series } = command
  const using = async <A>(mode: Mode, effect: Effect, use: (running: Running) => Promise<A>): Promise<A> => {
    const running = await subject.start(where, mode, effect)
    try {
      return await use(running)
    } finally {
      await running.stop()
    }
  }
  switch (command.do) {
    case "pace":
      return using("apart", instant(counted), async (running) => {
        const timings = []
        for (const part of [1, 2, 3]) {
          timings.push(await Load.run(Load.apart(`${series}-${part}`, paced), running.ask))
        }
        return { rate: Math.max(...timings.map(({ rate }) => rate)) }
      })
    case "A":
      return using("apart", instant(counted), async (running) => {
        await warm(running, Load.apart(`warm-${series}`, Math.min(512, command.count)))
        counted.effects = 0
        const timing = await Load.run(Load.apart(series, command.count), running.ask)
        return { ...timing, count: command.count, effects: counted.effects }
      })
    case "B2":
      return using("apart", instant(counted), async (running) => {
        const { keys, requests } = command
        await warm(running, Load.repeated(`warm-${series}`, 512, 64))
        counted.effects = 0
        const { rate } = await Load.run(Load.repeated(series, requests, keys), running.ask)
        return { rate, requests, keys, effects: counted.effects, receipts: await running.receipts(series) }
      })
    case "C":
      return using("hot", counting(counted), async (running) => {
        await warm(running, Load.hot(`warm-${series}`, Math.min(32, command.count)))
        counted.effects = 0
        const { rate } = await Load.run(Load.hot(series, command.count), running.ask)
        return { rate, count: command.count, effects: counted.effects, overlapping: counted.overlapping }
      })
    case "D":
      return using("apart", instant(counted), async (running) => {
        const [first, ...others] = Load.apart(series, command.count + 1)
        // The first one opens what is opened lazily.
        await running.ask(first as Request)
        const { rate } = await Load.run(others, running.ask)
        return { rate, count: command.count, effects: counted.effects }
      })
    case "die": {
      const running = await subject.start(where, "crash", async ({ key }) => {
        appendFileSync(join(where.folder, effectsFile), `${key}\n`)
        process.kill(process.pid, "SIGKILL")
        await new Promise(() => undefined)
      })
      await running.ask(requestOf(series))
      throw new Error("It was answered, and should have died.")
    }
    case "recover":
      return using(
        "crash",
        async ({ key }) => appendFileSync(join(where.folder, effectsFile), `${key}\n`),
        async (running) => ({ says: await running.afterwards(requestOf(series)) })
      )
  }
}

/** Serves a subject with what the harness gave as the program's argument. */
export const serve = (subject: Subject): void => {
  // Only our own harness starts this, with the type that both sides import.
  const where = JSON.parse(process.argv[2] ?? "") as Omit<Where, "url">
  const url = process.env["PEER_DATABASE_URL"] ?? ""
  const answer = (what: object) => process.stdout.write(`${answered}${JSON.stringify(what)}\n`)
  const lines = createInterface({ input: process.stdin })
  let last: Promise<unknown> = Promise.resolve()
  lines.on("line", (line) => {
    last = last
      .then(() => perform(subject, { ...where, url }, JSON.parse(line) as Command))
      .then(answer, (error: unknown) => {
        console.error(error)
        answer({ failed: error instanceof Error ? error.message : String(error) })
      })
  })
  lines.once("close", () => void last.then(() => process.exit(0)))
}
