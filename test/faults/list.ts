/**
 * The faults that must have a test, each under a short name that never changes. A test names the fault that
 * it covers with `fault` (test/support/fault.ts); docs/faults.md is written from both (`npm run faults`).
 */

export const groups = {
  process: "The process",
  postgres: "Postgres",
  time: "Time and network",
  caller: "Caller and connector"
} as const

/** What covers a fault beside the tests: a part of a harness, found by words that stand in its file. */
export interface Harness {
  /** How it is run. */
  readonly run: `npm run ${string}`
  readonly file: string
  /** Where in the file: the fault is injected here. */
  readonly words: string
  readonly asserts: string
}

export interface Fault {
  readonly group: keyof typeof groups
  /** What goes wrong. */
  readonly sentence: string
  readonly harness?: ReadonlyArray<Harness>
  /** Why no test here covers it, and what is known in its place. */
  readonly unfit?: string
}

const crash = (words: string, asserts: string): Harness => ({
  run: "npm run crash",
  file: "scripts/crash/table.ts",
  words,
  asserts
})

const chaos = (file: string, words: string): Harness => ({
  run: "npm run chaos",
  file,
  words,
  asserts: "With all the others at once: nothing of what its judge looks for"
})

const stage = (name: "clocks" | "disk-full" | "pgbouncer"): Harness => ({
  ...chaos("scripts/chaos/Stage.ts", `"${name}"`),
  run: `npm run chaos -- --stage ${name}`
})

export const faults = {
  "killed before the claim": {
    group: "process",
    sentence: "The process is killed before its claim has been sent.",
    harness: [crash('"before-claim"', "For every recovery: the next request is performed, once")]
  },
  "killed after the claim": {
    group: "process",
    sentence: "The process is killed when its claim is durable and nothing has been sent.",
    harness: [
      crash(
        '"after-claim"',
        "`hold` and `lookup` stay in doubt and nothing is sent; `resend` and `transactional` are performed once"
      )
    ]
  },
  "killed while sending": {
    group: "process",
    sentence: "The process is killed while its request is on the way."
  },
  "killed after the acknowledgement": {
    group: "process",
    sentence: "The process is killed when the provider has acknowledged and nothing has been settled.",
    harness: [
      crash(
        '"after-effect"',
        "One effect; `hold` stays in doubt, the other recoveries answer with its receipt"
      )
    ]
  },
  "killed after settling": {
    group: "process",
    sentence: "The process is killed when its settlement is durable and nobody has been answered.",
    harness: [crash('"after-settle"', "One effect, and the next request is answered with its receipt")]
  },
  "stopped before sending": {
    group: "process",
    sentence: "The process is stopped past its lease before it sends, and goes on.",
    harness: [chaos("scripts/chaos/nemesis.ts", '"Stop"')]
  },
  "stopped after sending": {
    group: "process",
    sentence: "The process is stopped past its lease after it has sent, and goes on.",
    harness: [chaos("scripts/chaos/nemesis.ts", '"Stop"')]
  },
  "event loop blocked": { group: "process", sentence: "The event loop is blocked for 3 seconds." },
  "out of memory": { group: "process", sentence: "The process runs out of memory." },
  terminated: { group: "process", sentence: "The process gets SIGTERM while a call is under way." },
  "killed while draining": {
    group: "process",
    sentence: "The process gets SIGTERM, and SIGKILL before it has drained."
  },
  "caller interrupted": { group: "process", sentence: "The caller is interrupted, at whatever step." },
  "crashes every time": { group: "process", sentence: "An action crashes its process every time." },

  "server restarted": {
    group: "postgres",
    sentence: "Postgres is shut down at once (`immediate`) and started again.",
    harness: [chaos("scripts/chaos/nemesis.ts", '"Restart"')]
  },
  "backend killed": {
    group: "postgres",
    sentence: "The server ends the session of a connection.",
    harness: [chaos("scripts/chaos/nemesis.ts", '"Terminate"')]
  },
  "request lost": {
    group: "postgres",
    sentence: "A statement never reaches the server.",
    harness: [chaos("scripts/chaos/nemesis.ts", '"Cut"')]
  },
  "reply lost": {
    group: "postgres",
    sentence: "A statement commits, and its answer is lost.",
    harness: [chaos("scripts/chaos/nemesis.ts", '"Cut"')]
  },
  "statement lands late": {
    group: "postgres",
    sentence: "An old statement lands after its sender has given it up.",
    harness: [chaos("scripts/chaos/nemesis.ts", '"Cut"')]
  },
  deadlock: { group: "postgres", sentence: "The server ends a statement because of a deadlock." },
  "disk full": {
    group: "postgres",
    sentence: "The server's disk is full.",
    harness: [stage("disk-full")]
  },
  "lock timeout at the claim": {
    group: "postgres",
    sentence: "The claim does not get its lock in time."
  },
  "statement timeout at the claim": {
    group: "postgres",
    sentence: "The server ends the claim because it takes too long."
  },
  "lock timeout at the settlement": {
    group: "postgres",
    sentence: "The settlement does not get its lock in time."
  },
  "statement timeout at the settlement": {
    group: "postgres",
    sentence: "The server ends the settlement because it takes too long."
  },
  "pool exhausted": {
    group: "postgres",
    sentence: "Every connection of the ledger is busy.",
    harness: [chaos("scripts/chaos/nemesis.ts", '"Block"')]
  },
  "connections exhausted": {
    group: "postgres",
    sentence: "The server takes no more connections.",
    harness: [chaos("scripts/chaos/nemesis.ts", '"Exhaust"')]
  },
  "server reads only": { group: "postgres", sentence: "The server takes no writes." },
  "migrated at once": { group: "postgres", sentence: "Several replicas migrate at once." },
  "schema newer": { group: "postgres", sentence: "The schema is of a version that is not known yet." },
  "transaction long open": {
    group: "postgres",
    sentence: "Somebody's transaction stays open while others work."
  },
  "pooled by transaction": {
    group: "postgres",
    sentence: "A pooler in transaction mode stands before the server.",
    harness: [stage("pgbouncer")],
    unfit:
      "A test would need the pooler's program on every machine; the harness says `not run` where it is missing."
  },

  "application clock off": {
    group: "time",
    sentence: "The clock of an application is an hour ahead or behind.",
    harness: [stage("clocks")]
  },
  "database clock jumps": { group: "time", sentence: "The database's clock jumps." },
  "partition after the claim": {
    group: "time",
    sentence: "The process is cut off from the ledger after its claim."
  },
  delay: {
    group: "time",
    sentence: "Statements and answers are delayed.",
    harness: [chaos("scripts/chaos/nemesis.ts", '"Delay"')]
  },
  "one way lost": { group: "time", sentence: "What is sent arrives, and what is answered does not." },
  "hosted twice": {
    group: "time",
    sentence: "Two runners both believe that they host an entity.",
    harness: [
      {
        run: "npm run cluster",
        file: "scripts/cluster/story.ts",
        words: "freezes",
        asserts:
          "Runners that are killed, or stopped until another one hosts their entities: no second effect, never two actions of an entity at once"
      }
    ]
  },

  "timeout hid a success": {
    group: "caller",
    sentence: "A timeout hides that the action succeeded."
  },
  "a thousand at once": { group: "caller", sentence: "A thousand requests of one key come at once." },
  "key with another payload": { group: "caller", sentence: "A key comes again with another payload." },
  "connector hangs": { group: "caller", sentence: "The connector performs and never answers." },
  "connector throws": { group: "caller", sentence: "The connector performs and throws." },
  "connector dies": { group: "caller", sentence: "The connector performs and dies." },
  "connector answers garbage": {
    group: "caller",
    sentence: "The connector performs and answers with what nobody declared."
  },
  "refused, then repeated": { group: "caller", sentence: "A definite refusal, then the same request again." },
  "library retries": { group: "caller", sentence: "The client library under a connector retries by itself." },
  "payload of 100 MB": { group: "caller", sentence: "A payload of 100 MB." },
  "key with NUL": { group: "caller", sentence: "A part of a key has a NUL." },
  "key with half a surrogate pair": {
    group: "caller",
    sentence: "A part of a key has half a surrogate pair."
  },
  "key composed and decomposed": {
    group: "caller",
    sentence: "Two keys look alike: one is composed, the other decomposed."
  },
  "a million keys": {
    group: "caller",
    sentence: "A million keys.",
    unfit:
      "Nothing here goes that far: it would take minutes, and tell about the machine. A key is found by the primary key of its row and nothing is kept in memory of a settled one; no number is claimed."
  },
  "mailbox overflow": { group: "caller", sentence: "An entity's mailbox is full." },
  "a million entities": {
    group: "caller",
    sentence: "A million entities.",
    unfit: "Ten thousand tell the same about one process: what has no work has no lane, and takes nothing."
  },
  "purge under repeats": { group: "caller", sentence: "Bodies are purged while repeats arrive." },
  "verdict beside a zombie": {
    group: "caller",
    sentence: "A person gives a verdict while the call that it is about still lives."
  },
  "recovery changed": {
    group: "caller",
    sentence: "The capability declares another recovery than at the attempt before."
  }
} as const satisfies Readonly<Record<string, Fault>>

export type FaultName = keyof typeof faults
