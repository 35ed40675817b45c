/**
 * logged: the baseline of B. Group commit by hand for what is new, a bounded memory of settled keys, and for
 * every repeat a durable receipt, folded with those of its batch, before it is answered.
 */
import { derive, type Request } from "../hand/derive.ts"
import * as Group from "../hand/Group.ts"
import * as Repeats from "../hand/Repeats.ts"
import { type Open, runOf } from "./Subject.ts"

/** How many settled keys are remembered; the oldest is forgotten first. */
const remembered = 100_000

interface Settled {
  readonly fingerprint: string
  readonly receiptId: string
}

export const open: Open = async (url) => {
  const group = Group.open(url)
  const repeats = Repeats.open(url)
  const settled = new Map<string, Settled>()
  const flights = new Map<string, { readonly fingerprint: string; readonly end: Promise<string> }>()

  const remember = (keyHash: string, entry: Settled): void => {
    settled.set(keyHash, entry)
    if (settled.size <= remembered) return
    for (const oldest of settled.keys()) {
      settled.delete(oldest)
      return
    }
  }

  const agree = (request: Request, fingerprint: string): void => {
    if (request.fingerprint !== fingerprint) throw new Error(`${request.label} is another action`)
  }

  const lead = async (request: Request) => {
    const { fingerprint, keyHash } = request
    const end = group.act(request)
    flights.set(keyHash, { fingerprint, end })
    try {
      const receiptId = await end
      remember(keyHash, { fingerprint, receiptId })
      return receiptId
    } finally {
      flights.delete(keyHash)
    }
  }

  const ask = async (request: Request) => {
    const known = settled.get(request.keyHash)
    if (known !== undefined) {
      agree(request, known.fingerprint)
      await repeats.record({ request, outcome: "deduplicated", refersTo: known.receiptId })
      return known.receiptId
    }
    const flight = flights.get(request.keyHash)
    if (flight === undefined) return lead(request)
    agree(request, flight.fingerprint)
    const refersTo = await flight.end
    await repeats.record({ request, outcome: "joined", refersTo })
    return refersTo
  }

  return {
    run: runOf((wish) => ask(derive(wish))),
    effects: group.effects,
    close: async () => {
      await group.close()
      await repeats.close()
    }
  }
}
