/**
 * Subject: what is measured, as its process drives it: fibric, or a baseline written by hand.
 */
import type { Wish } from "../Load.ts"

/** Where a run of requests is written down while the clock runs: as little as can be. */
export interface Meter {
  readonly begun: (request: number) => void
  readonly answered: (request: number, receiptId: string) => void
}

export interface Subject {
  /** Asks for all of it, so many at once; returns when the last one is answered. */
  readonly run: (wishes: ReadonlyArray<Wish>, inFlight: number, meter: Meter) => Promise<void>
  /** How often its connector has been called. */
  readonly effects: () => number
  readonly close: () => Promise<void>
}

/** What a module of subjects exports: it opens one on a database. */
export type Open = (url: string) => Promise<Subject>

/** A baseline's `run`, made of its way to ask once: so many loops beside each other, until all is asked. */
export const runOf =
  (ask: (wish: Wish) => Promise<string>): Subject["run"] =>
  async (wishes, inFlight, meter) => {
    let next = 0
    const loop = async () => {
      for (let request = next++; request < wishes.length; request = next++) {
        const wish = wishes[request]
        if (wish === undefined) return
        meter.begun(request)
        meter.answered(request, await ask(wish))
      }
    }
    await Promise.all(Array.from({ length: Math.min(inFlight, wishes.length) }, loop))
  }
