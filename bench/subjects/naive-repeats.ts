/**
 * naive-repeats: naive where a key may have been asked for before. It looks first: a repeat is one statement
 * that finds the settled key and writes the receipt of the repeat.
 */
import { derive, receiptId, type Request } from "../hand/derive.ts"
import * as Naive from "../hand/Naive.ts"
import { repeatOne, repeatOneValues } from "../hand/repeat-statements.ts"
import { type Open, runOf } from "./Subject.ts"

export const open: Open = async (url) => {
  const naive = Naive.open(url)
  const flights = new Map<string, Promise<string>>()

  const lookUp = async (request: Request, outcome: "deduplicated" | "joined") => {
    const values = repeatOneValues({ request, outcome, receiptId: receiptId() })
    const [row] = await naive.client.query(repeatOne, values)
    return row === undefined ? undefined : String(row["answer"])
  }

  const repeat = async (request: Request, outcome: "deduplicated" | "joined") => {
    const answer = await lookUp(request, outcome)
    if (answer === undefined) throw new Error(`${request.label} is not settled`)
    return answer
  }

  const join = async (request: Request, flight: Promise<string>) => {
    await flight
    return repeat(request, "joined")
  }

  const ask = async (request: Request) => {
    const under = flights.get(request.keyHash)
    if (under !== undefined) return join(request, under)
    const found = await lookUp(request, "deduplicated")
    if (found !== undefined) return found
    // Somebody else may have looked meanwhile.
    const other = flights.get(request.keyHash)
    if (other !== undefined) return join(request, other)
    const again = settled.has(request.keyHash)
    if (again) return repeat(request, "deduplicated")
    const flight = naive.act(request)
    flights.set(request.keyHash, flight)
    try {
      return await flight
    } finally {
      settled.add(request.keyHash)
      flights.delete(request.keyHash)
    }
  }

  // What was settled between a look and its answer; a look that comes later finds it.
  const settled = new Set<string>()

  return {
    run: runOf((wish) => ask(derive(wish))),
    effects: naive.effects,
    close: naive.client.close
  }
}
