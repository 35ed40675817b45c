/**
 * Folders under the system's temporary folder: a socket's, and a cluster's
 * whose caller gave none.
 *
 * A process that is killed removes nothing. Whoever next makes a temporary
 * cluster therefore sweeps: it takes over the temporary clusters of dead
 * owners, by the same rules as any folder, stops their servers and removes them.
 */
import { lstat, mkdir, mkdtemp, readdir, rmdir } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Account from "./Account.ts"
import { type EmbeddedPostgresError, failure, onDisk } from "./EmbeddedPostgresError.ts"
import * as Folder from "./Folder.ts"
import * as Orphan from "./Orphan.ts"
import * as Ownership from "./Ownership.ts"

const clusterPrefix = "fibric-pg-"
const socketName = (token: string) => `fibric-pgsock-${token}`

/** What fits a socket's address on every system, without the closing zero. */
const socketPathBytes = 103

const inFirstRoot = Effect.fnUntraced(function* (
  account: Account.Account,
  what: string,
  makeIn: (root: string) => Effect.Effect<string, EmbeddedPostgresError>
) {
  const roots = yield* Account.temporaryRoots(account)
  const reasons: Array<string> = []
  for (const root of roots) {
    const made = yield* Effect.result(makeIn(root))
    if (made._tag === "Success") return made.success
    reasons.push(made.failure.message)
  }
  return yield* failure(
    "directory_unusable",
    `No temporary folder serves for ${what} (tried ${roots.join(", ") || "none that the server's user can enter"}). ${reasons.join(" ")} Point TMPDIR to a folder that is open, short and writable.`
  )
})

/**
 * The folder of the server's socket, open to nobody but the server's user and
 * root. Not in the cluster's folder, whose path may be longer than a socket's
 * address. Its name follows from the token, so a dead owner's can be found.
 */
export const socket = (account: Account.Account, token: string) =>
  Effect.acquireRelease(
    inFirstRoot(account, "a socket", (root) => {
      const path = join(root, socketName(token))
      if (Buffer.byteLength(join(path, ".s.PGSQL.5432")) > socketPathBytes) {
        return Effect.fail(failure("directory_unusable", `${root} is too long for a socket's address.`))
      }
      return onDisk(`make ${path}`, () => mkdir(path, { mode: 0o700 })).pipe(
        Effect.andThen(Account.give(account, path)),
        Effect.as(path)
      )
    }),
    (path) => Effect.ignore(Ownership.remove(path))
  )

/** Removes everything that dead owners left outside of `data/`, and then their files. */
export const forget = Effect.fnUntraced(function* (
  folder: Folder.Folder,
  account: Account.Account,
  dead: ReadonlyArray<string>
) {
  yield* Folder.removeUnfinished(folder, dead)
  const roots = yield* Account.temporaryRoots(account)
  for (const token of dead) {
    yield* Effect.forEach(roots, (root) => Ownership.remove(join(root, socketName(token))))
  }
  yield* Ownership.forget(folder.directory, dead)
})

/** Whether the folder was a dead owner's, and is removed. */
const sweepOne = Effect.fnUntraced(function* (directory: string, account: Account.Account) {
  const stat = yield* onDisk(`look at ${directory}`, () => lstat(directory))
  if (!stat.isDirectory() || stat.uid !== process.getuid?.()) return false
  const owners = yield* Ownership.list(directory)
  // A folder without any owner's file is one that is being made, or removed, at this moment.
  if (owners.length === 0) return false
  const live = yield* Effect.forEach(owners, (token) => Ownership.liveOwner(directory, token))
  if (live.some(Option.isSome)) return false
  const settle = Effect.gen(function* () {
    const { dead } = yield* Ownership.claim(directory)
    const folder = Folder.at(directory)
    yield* Orphan.settle(folder, dead)
    yield* Folder.clear(directory)
    yield* forget(folder, account, dead)
  })
  yield* Effect.scoped(settle)
  yield* onDisk(`remove ${directory}`, () => rmdir(directory))
  return true
})

/** About this many a time: a machine with more is cleaned over several starts. */
const sweepBound = 16

const sweep = Effect.fnUntraced(function* (root: string, account: Account.Account) {
  const names = yield* onDisk(`read ${root}`, () => readdir(root))
  const clusters = names.filter((name) => name.startsWith(clusterPrefix))
  let swept = 0
  const sweepNext = Effect.fnUntraced(function* (name: string) {
    if (swept >= sweepBound) return
    // What can't be swept is somebody's, or another sweeper's: it is left, doesn't count, and nobody has to know.
    if (yield* Effect.orElseSucceed(sweepOne(join(root, name), account), () => false)) swept += 1
  })
  yield* Effect.forEach(clusters, sweepNext, { concurrency: 4, discard: true })
})

/** A fresh folder for a cluster, removed with the scope. `claimed` must be used in that scope, so that it is cleared first. */
export const cluster = Effect.fnUntraced(function* (account: Account.Account) {
  const directory = yield* Effect.acquireRelease(
    inFirstRoot(account, "a cluster", (root) =>
      Effect.ignore(sweep(root, account)).pipe(
        Effect.andThen(onDisk(`make a folder in ${root}`, () => mkdtemp(join(root, clusterPrefix))))
      )
    ),
    (directory) => Effect.ignore(onDisk(`remove ${directory}`, () => rmdir(directory)))
  )
  yield* Folder.letThrough(account, directory)
  return Folder.at(directory)
})

/** Clears the folder when the scope closes, while its claim, taken before, still holds. */
export const clearedWithScope = (folder: Folder.Folder) =>
  Effect.addFinalizer(() => Effect.ignore(Folder.clear(folder.directory)))
