/**
 * Subject: what is asked of each peer, in the words of the comparison. A request wants one effect, done to
 * one entity, under one key; it is answered when the outcome is durable. How the peer does that, with the
 * best settings that we found, stands in the peer's own file.
 *
 * A subject runs in a child process (`serve.ts`), with its worker and its callers together, and never
 * shares that process with another.
 */

/** One request. Requests of one key want the same effect; those of one series are counted together. */
export interface Request {
  readonly key: string
  readonly entity: string
  readonly series: string
}

/** What a subject runs on. */
export interface Where {
  /** A database of its own, in the Postgres of the run. */
  readonly url: string
  /** A folder of its own, empty at first, which outlives its processes. */
  readonly folder: string
  /** The servers that the harness started for it, by name; none for who has its home in Postgres. */
  readonly servers: Readonly<Record<string, string>>
}

/**
 * What the settings are for.
 *
 * - `apart`: requests for many entities (A, B2, D)
 * - `hot`: requests for one entity, of which one may run at a time (C)
 * - `crash`: the worker is about to be killed, or has been; recovery is set to be as quick as it can be
 */
export type Mode = "apart" | "hot" | "crash"

/** Makes it happen, in the world outside of the peer. It returns at once, or the process dies in it. */
export type Effect = (request: Request) => Promise<void>

/** A peer at work in this process. */
export interface Running {
  /** Resolves when the outcome of the key is durable, whoever's request it was that ran the effect. */
  readonly ask: (request: Request) => Promise<unknown>
  /** How many durable records of an outcome the requests of a series have left. */
  readonly receipts: (series: string) => Promise<number>
  /**
   * After the worker of a request was killed between the effect and its record: waits until the peer has
   * done what it does about that, and answers with what it then says of the request, in its own words.
   */
  readonly afterwards: (request: Request) => Promise<string>
  readonly stop: () => Promise<void>
}

/** A peer. `effect` is what its handler calls, once for each time that the peer decides to run it. */
export interface Subject {
  readonly start: (where: Where, mode: Mode, effect: Effect) => Promise<Running>
}
