/**
 * The folder of one cluster, and what is in it.
 *
 * - `data/`: Postgres's own data folder
 * - `password`: the superuser's, random for each cluster, readable by its user alone
 * - `server.log`: what the server wrote, with the run before in `server.log.previous` once it is large
 * - `owner-<token>.json`: who runs a server here (see Ownership)
 *
 * `data/` appears in one move when `initdb` has finished, so it is whole or it
 * is not there. As root the folder stays root's, and only `data/` and
 * `password` are given to the user that Postgres runs as.
 */
import { randomBytes } from "node:crypto"
import { access, chmod, lstat, mkdir, open, readdir, readFile, realpath, rename } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Account from "./Account.ts"
import type { Binaries } from "./Binaries.ts"
import { failure, onDisk } from "./EmbeddedPostgresError.ts"
import { isOwnerFile, remove } from "./Ownership.ts"
import * as Process from "./Process.ts"

export interface Folder {
  readonly directory: string
  readonly data: string
  readonly password: string
  readonly log: string
}

export const at = (directory: string): Folder => ({
  directory,
  data: join(directory, "data"),
  password: join(directory, "password"),
  log: join(directory, "server.log")
})

const exists = (path: string) =>
  Effect.promise(() =>
    access(path).then(
      () => true,
      () => false
    )
  )

/** Lets others pass through the folder without letting them see what is in it. */
export const letThrough = (account: Account.Account, directory: string) =>
  Option.isNone(account)
    ? Effect.void
    : onDisk(`let the user ${account.value.name} through ${directory}`, async () =>
        chmod(directory, (await lstat(directory)).mode | 0o011)
      )

/** Makes the folder where it is absent. Only what we made, and an empty folder given to us, is opened. */
const makeAt = Effect.fnUntraced(function* (account: Account.Account, directory: string) {
  const topmost = yield* onDisk(`make the folder ${directory}`, () => mkdir(directory, { recursive: true }))
  if (topmost !== undefined) {
    for (let made = directory; made.length >= topmost.length; made = dirname(made)) {
      yield* letThrough(account, made)
    }
  }
  const names = yield* onDisk(`read ${directory}`, () => readdir(directory))
  if (names.includes("PG_VERSION")) {
    return yield* failure(
      "directory_unusable",
      `${directory} is the data folder of a Postgres that fibric did not make. Give a folder that is empty or absent; fibric keeps its data folder inside.`
    )
  }
  if (names.length === 0) yield* letThrough(account, directory)
})

/** The caller's own folder, made if it is absent, its links resolved. */
export const given = Effect.fnUntraced(function* (account: Account.Account, wanted: string) {
  yield* makeAt(account, resolve(wanted))
  const directory = yield* onDisk(`resolve ${wanted}`, () => realpath(wanted))
  const closed = yield* Account.firstClosed(account, directory)
  if (Option.isNone(closed) || Option.isNone(account)) return at(directory)
  return yield* failure(
    "directory_closed",
    `Postgres can't run as root, and the user ${account.value.name}, whom it runs as instead, can't pass ${closed.value} on the way to ${directory}. Open it (chmod o+x ${closed.value}), give a folder elsewhere, or run as an ordinary user.`
  )
})

/** Durable when it returns: the name and the content. */
const writeDurably = async (path: string, text: string) => {
  const aside = `${path}.new`
  const file = await open(aside, "w", 0o600)
  try {
    await file.chmod(0o600)
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(aside, path)
}

const syncFolder = async (path: string) => {
  const folder = await open(path, "r")
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

const lastLines = (text: string) => text.trimEnd().split("\n").slice(-20).join("\n")

const initdbArguments = (data: string, password: string) => [
  `--pgdata=${data}`,
  "--username=postgres",
  `--pwfile=${password}`,
  "--auth=scram-sha-256",
  "--encoding=UTF8",
  // Code point order from Postgres itself: indexes do not depend on the system's libraries.
  "--locale=C",
  "--locale-provider=builtin",
  "--builtin-locale=C.UTF-8",
  "--no-instructions"
]

const initialise = Effect.fnUntraced(
  function* (folder: Folder, fresh: string, binaries: Binaries, account: Account.Account) {
    yield* onDisk(`write ${folder.password}`, () =>
      writeDurably(folder.password, randomBytes(24).toString("base64url"))
    )
    yield* Account.give(account, folder.password)
    yield* onDisk(`make ${fresh}`, () => mkdir(fresh, { mode: 0o700 }))
    yield* Account.give(account, fresh)
    const args = initdbArguments(fresh, folder.password)
    const { code, output } = yield* Process.run(binaries.initdb, args, Account.ids(account))
    if (code !== 0) {
      return yield* failure(
        "initdb_failed",
        `initdb could not make a cluster in ${folder.directory} (exit code ${code ?? "none"}). Nothing was kept. What it said is in this error's detail: put right what it names, and start again.`,
        lastLines(output)
      )
    }
    yield* onDisk(`move ${fresh} to ${folder.data}`, () => rename(fresh, folder.data))
    yield* onDisk(`sync ${folder.directory}`, () => syncFolder(folder.directory))
  },
  (effect, _folder, fresh) => Effect.onError(effect, () => Effect.ignore(remove(fresh)))
)

const freshFolder = (folder: Folder, token: string) => join(folder.directory, `data.new-${token}`)

/**
 * Makes the cluster unless it is there, and returns the superuser's password.
 * The caller owns the folder (see Ownership) under this token.
 */
export const prepare = Effect.fnUntraced(function* (
  folder: Folder,
  token: string,
  binaries: Binaries,
  account: Account.Account
) {
  if (!(yield* exists(join(folder.data, "PG_VERSION")))) {
    yield* initialise(folder, freshFolder(folder, token), binaries, account)
  }
  const password = yield* onDisk(`read ${folder.password}`, () => readFile(folder.password, "utf8"))
  return Redacted.make(password.trim())
})

/** Removes what owners that died inside `initdb` left. */
export const removeUnfinished = (folder: Folder, dead: ReadonlyArray<string>) =>
  Effect.forEach(dead, (token) => remove(freshFolder(folder, token)), { discard: true })

/** Removes everything but the owners' files, which say until the end that the folder is taken. */
export const clear = Effect.fnUntraced(function* (directory: string) {
  const names = yield* onDisk(`read ${directory}`, () => readdir(directory))
  yield* Effect.forEach(
    names.filter((name) => !isOwnerFile(name)),
    (name) => remove(join(directory, name)),
    { discard: true }
  )
})
