/**
 * The user that Postgres runs as, and what that user can reach.
 *
 * Postgres refuses to run as root. When we are root it runs as the system's
 * `postgres` user, or `nobody`, and every folder it touches has to be open to
 * that user. When we are anybody else it runs as us, and all of this is moot.
 */
import { tmpdir } from "node:os"
import { lchown, readFile, realpath } from "node:fs/promises"
import { dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { failure, onDisk } from "./EmbeddedPostgresError.ts"
import * as Process from "./Process.ts"

/** The other user to run as; none when Postgres runs as ourselves. */
export type Account = Option.Option<{ readonly name: string; readonly uid: number; readonly gid: number }>

const names = ["postgres", "nobody"]

/** Who Postgres runs as. `initdb` looks its user up, so only one with an entry in `/etc/passwd` will do. */
export const find = Effect.gen(function* () {
  if (process.getuid?.() !== 0) return Option.none() satisfies Account
  const passwd = yield* onDisk("read /etc/passwd", () => readFile("/etc/passwd", "utf8"))
  const entries = passwd.split("\n").map((line) => line.split(":"))
  for (const wanted of names) {
    const [name, , uid, gid] = entries.find(([name]) => name === wanted) ?? []
    if (name === undefined || !Number(uid) || !Number(gid)) continue
    return Option.some({ name, uid: Number(uid), gid: Number(gid) }) satisfies Account
  }
  return yield* failure(
    "account_missing",
    `This process is root, Postgres refuses to run as root, and /etc/passwd has none of the users ${names.join(", ")}. Add one (useradd --system postgres), or run as an ordinary user.`
  )
})

/** What a child needs to be spawned as that user. */
export const ids = (account: Account) =>
  Option.match(account, { onNone: () => ({}), onSome: ({ uid, gid }) => ({ uid, gid }) })

/** Makes a file or folder that user's own. Never through a symbolic link. */
export const give = (account: Account, path: string) =>
  Option.isNone(account)
    ? Effect.void
    : onDisk(`give ${path} to the user ${account.value.name}`, () =>
        lchown(path, account.value.uid, account.value.gid)
      )

/** The folder and everything above it, from the root down. */
const lineage = (path: string): ReadonlyArray<string> =>
  dirname(path) === path ? [path] : [...lineage(dirname(path)), path]

/**
 * The first of the folders down to `path` that the user can't pass.
 *
 * The system is asked, by a shell that runs as that user, because permission
 * bits alone do not know about access lists or `noexec` mounts.
 */
export const firstClosed = Effect.fnUntraced(function* (account: Account, path: string) {
  if (Option.isNone(account)) return Option.none<string>()
  const script = 'for d; do test -x "$d" || { printf %s "$d"; exit 1; }; done'
  const tried = yield* Process.run("/bin/sh", ["-c", script, "sh", ...lineage(path)], ids(account))
  return tried.code === 0 ? Option.none<string>() : Option.some(tried.output)
})

/**
 * Where temporary folders may be made, best first: the caller's choice, then
 * the system's. Some systems give root a private one that no other user can
 * enter, so each user of this list tries the next when one does not serve.
 */
export const temporaryRoots = Effect.fnUntraced(function* (account: Account) {
  const existing = yield* Effect.forEach([tmpdir(), "/tmp", "/var/tmp"], (root) =>
    Effect.promise(() => realpath(root).catch(() => ""))
  )
  const distinct = [...new Set(existing)].filter((root) => root !== "")
  return yield* Effect.filter(distinct, (root) => Effect.map(firstClosed(account, root), Option.isNone))
})
