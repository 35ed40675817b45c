/**
 * Who may run a server in a cluster's folder: one owner at a time, proved by
 * its process being alive.
 *
 * Each contender announces itself with a file of its own and then looks at all
 * of them. Whoever sees another live one withdraws. Of two contenders the one
 * who looks last sees the other, so both can lose a round but never both win;
 * and no contender ever removes a live one's file, so there is no moment at
 * which a lock is open while it changes hands. A file's name holds a random
 * token, used once, so a dead owner's file can be removed by anybody.
 *
 * The token is also in the server's command line. That is how the server of a
 * dead owner is told from one that somebody else started (see Orphan).
 *
 * Gotcha: this sees one machine's processes. An owner under another host name
 * (a container that shares the folder) can't be looked at, and counts as alive.
 */
import { randomBytes } from "node:crypto"
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { hostname } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { failure, onDisk } from "./EmbeddedPostgresError.ts"
import * as Process from "./Process.ts"

const Owner = Schema.Struct({ pid: Schema.Int, startedAt: Schema.String, host: Schema.String })
const OwnerFile = Schema.fromJsonString(Owner)

export interface Claim {
  readonly token: string
  /** Tokens of owners that died without settling. Their files stay until `forget`. */
  readonly dead: ReadonlyArray<string>
}

const namePattern = /^owner-([0-9a-f]{16})\.json$/
const fileOf = (directory: string, token: string) => join(directory, `owner-${token}.json`)

/** Elsewhere than on Linux host names follow the network, and containers do not share folders with the host. */
const host = process.platform === "linux" ? hostname() : ""

/** Whether a name in the folder is an owner's file, which has to outlive everything else in it. */
export const isOwnerFile = (name: string) => namePattern.test(name)

export const remove = (path: string) =>
  onDisk(`remove ${path}`, () => rm(path, { recursive: true, force: true }))

const processTableClosed = failure(
  "platform_unsupported",
  `This process can't find itself (${process.pid}) in the process table (/proc, or /bin/ps), so it could not tell a live server from a dead one. Mount /proc, or give fibric the url of a Postgres of your own.`
)

/** Written aside and moved, so that nobody ever reads half of it. */
const announce = Effect.fnUntraced(function* (directory: string, token: string) {
  const self = yield* Process.identify(process.pid)
  // Without a start time every owner would look dead, and the folder would be anybody's.
  if (Option.isNone(self)) return yield* processTableClosed
  const text = JSON.stringify({ ...self.value, host } satisfies typeof Owner.Type)
  const aside = join(directory, `.owner-${token}`)
  yield* onDisk(`write ${aside}`, () => writeFile(aside, text, { flag: "wx", mode: 0o644 }))
  yield* onDisk(`rename ${aside}`, () => rename(aside, fileOf(directory, token)))
})

const withdraw = (directory: string, token: string) =>
  Effect.all([remove(join(directory, `.owner-${token}`)), remove(fileOf(directory, token))], {
    discard: true
  })

/** The tokens of everybody who announced and did not withdraw. */
export const list = Effect.fnUntraced(function* (directory: string) {
  const names = yield* onDisk(`read ${directory}`, () => readdir(directory))
  return names.flatMap((name) => namePattern.exec(name)?.[1] ?? [])
})

/**
 * The live owner behind a token, in words; none when it is dead or has withdrawn.
 *
 * A file is unreadable only after a loss of power, which nobody survives.
 */
export const liveOwner = Effect.fnUntraced(function* (directory: string, token: string) {
  const text = yield* Effect.option(Effect.tryPromise(() => readFile(fileOf(directory, token), "utf8")))
  const decoded = Option.flatMap(text, Schema.decodeUnknownOption(OwnerFile))
  if (Option.isNone(decoded)) return Option.none<string>()
  const owner = decoded.value
  if (owner.host !== host) {
    return Option.some(
      `process ${owner.pid} on the host ${owner.host}, which can't be looked at from here: if it is gone for good, remove ${fileOf(directory, token)}`
    )
  }
  if (!(yield* Process.isAlive(owner))) return Option.none<string>()
  return Option.some(owner.pid === process.pid ? "this same process" : `process ${owner.pid}, alive`)
})

const claimOnce = Effect.fnUntraced(function* (directory: string) {
  const token = randomBytes(8).toString("hex")
  const look = Effect.gen(function* () {
    yield* announce(directory, token)
    const others = (yield* list(directory)).filter((other) => other !== token)
    for (const other of others) {
      const owner = yield* liveOwner(directory, other)
      if (Option.isNone(owner)) continue
      return yield* failure(
        "in_use",
        `${directory} is in use by ${owner.value}. One server at a time may have a folder: give another one, or wait until that run ends.`
      )
    }
    return { token, dead: others } satisfies Claim
  })
  return yield* Effect.onError(look, () => Effect.ignore(withdraw(directory, token)))
})

/**
 * Those who announced at the same moment all withdraw; pauses of very different length let one through, also on
 * a machine that has so much to do that a look takes as long as a pause.
 */
const rounds = Schedule.recurs(8).pipe(Schedule.addDelay(() => Random.nextIntBetween(10, 400)))

/** Owns the folder until the scope closes, or fails with `in_use` after one or two seconds. */
export const claim = (directory: string) =>
  Effect.acquireRelease(
    Effect.retry(claimOnce(directory), { while: ({ reason }) => reason === "in_use", schedule: rounds }),
    ({ token }) => Effect.ignore(withdraw(directory, token))
  )

/** Removes the files of dead owners, when nothing of theirs is running any more. */
export const forget = (directory: string, dead: ReadonlyArray<string>) =>
  Effect.forEach(dead, (token) => withdraw(directory, token), { discard: true })
