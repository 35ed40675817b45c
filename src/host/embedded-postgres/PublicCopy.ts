/**
 * A copy of the Postgres programs that another user can run.
 *
 * Root's node_modules may lie under a folder that only root enters, so root
 * runs Postgres from a copy under the system's temporary folder, made once for
 * each version. Anybody may have put a folder there before us: a copy is used
 * only when root made all of it, nobody else may write it, and it is complete
 * (temporary folders are cleaned of old files one by one). One that is not is
 * left where it is, since somebody may be running from it, and the next name is
 * tried. When no name serves, this run has a copy of its own.
 */
import { chmod, cp, lstat, mkdtemp, readdir, readlink, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Account from "./Account.ts"
import { failure, onDisk } from "./EmbeddedPostgresError.ts"

const prefix = "fibric-postgres-"

interface Entry {
  /** The path inside the folder with the size or the link's target: equal for equal trees. */
  readonly line: string
  /** Whether only root can have written it and everybody can read it. */
  readonly trusted: boolean
}

const worldWritable = 0o022

const entryOf = async (folder: string, path: string): Promise<Entry> => {
  const place = join(folder, path)
  const stat = await lstat(place)
  if (stat.isSymbolicLink()) {
    return { line: `${path} -> ${await readlink(place)}`, trusted: stat.uid === 0 }
  }
  const needed = stat.isDirectory() ? 0o755 : 0o644
  const open = (stat.mode & needed) === needed && (stat.mode & worldWritable) === 0
  const size = stat.isDirectory() ? "folder" : String(stat.size)
  return { line: `${path} ${size}`, trusted: stat.uid === 0 && open }
}

/** Everything in a folder, itself included, in one order. */
const entriesOf = async (folder: string): Promise<ReadonlyArray<Entry>> => {
  const root = await entryOf(folder, ".")
  // A link instead of the folder is not followed: whoever made it could turn it elsewhere later.
  if (root.line !== ". folder") return [root]
  const paths = await readdir(folder, { recursive: true })
  return [root, ...(await Promise.all(paths.toSorted().map((path) => entryOf(folder, path))))]
}

const linesOf = (entries: ReadonlyArray<Entry>) => entries.map(({ line }) => line).join("\n")

const isSound = (copy: string, wanted: string) =>
  Effect.tryPromise(async () => {
    const entries = await entriesOf(copy)
    return entries.every(({ trusted }) => trusted) && linesOf(entries) === wanted
  }).pipe(Effect.orElseSucceed(() => false))

/** Links stay links, and relative; modes are set whatever the installer's umask was. */
const fill = async (native: string, copy: string) => {
  await cp(native, copy, { recursive: true, verbatimSymlinks: true })
  const entries = await readdir(copy, { recursive: true, withFileTypes: true })
  await chmod(copy, 0o755)
  const places = entries.filter((entry) => !entry.isSymbolicLink())
  await Promise.all(
    places.map(async (entry) => {
      const place = join(entry.parentPath, entry.name)
      const runnable = entry.isDirectory() || ((await lstat(place)).mode & 0o111) !== 0
      await chmod(place, runnable ? 0o755 : 0o644)
    })
  )
}

/**
 * The move is atomic, so a copy under a shared name is whole, and it takes no
 * name that holds anything.
 */
const publish = (fresh: string, shared: string) =>
  onDisk(`move ${fresh} to ${shared}`, () => rename(fresh, shared))

/** How many names are tried: so many damaged or planted copies of one version may lie about. */
const nameCount = 4

const makeIn = Effect.fnUntraced(function* (root: string, native: string, version: string) {
  const names = Array.from({ length: nameCount }, (_, index) =>
    join(root, `${prefix}${version}${index === 0 ? "" : `.${index + 1}`}`)
  )
  const wanted = linesOf(yield* onDisk(`read ${native}`, () => entriesOf(native)))
  for (const shared of names) if (yield* isSound(shared, wanted)) return shared

  const workshop = yield* Effect.acquireRelease(
    onDisk(`make a folder in ${root}`, () => mkdtemp(join(root, `${prefix}copy-`))),
    (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }).catch(() => {}))
  )
  yield* onDisk(`open ${workshop}`, () => chmod(workshop, 0o711))
  const fresh = join(workshop, "native")
  yield* onDisk(`copy ${native} to ${fresh}`, () => fill(native, fresh))
  for (const shared of names) {
    const published = yield* Effect.result(publish(fresh, shared))
    // Not published is not lost: another process may have put the same there since we looked.
    if (published._tag === "Success" || (yield* isSound(shared, wanted))) return shared
  }
  return fresh
})

/** The folder to run from. Fails when no temporary folder lets that user run a program, `noexec` included. */
export const make = Effect.fnUntraced(function* (account: Account.Account, native: string, version: string) {
  const roots = yield* Account.temporaryRoots(account)
  const closed: Array<string> = []
  for (const root of roots) {
    const copy = yield* makeIn(root, native, version)
    const stop = yield* Account.firstClosed(account, join(copy, "bin", "postgres"))
    if (Option.isNone(stop)) return copy
    closed.push(stop.value)
  }
  return yield* failure(
    "directory_closed",
    `Postgres can't run as root, and the user it would run as can't run programs in any temporary folder (tried ${[...roots, ...closed].join(", ") || "none that is open to it"}). Mount one without noexec, point TMPDIR to an open folder, or run as an ordinary user.`
  )
})
