/**
 * What differs when this process is root: Postgres runs as another user, from
 * a copy of the programs that root made. For other users there is nothing here.
 */
import { assert, describe, it } from "@effect/vitest"
import { chmod, chown, cp, lstat, mkdir, readlink, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Account from "../../src/host/embedded-postgres/Account.ts"
import * as Process from "../../src/host/embedded-postgres/Process.ts"
import * as PublicCopy from "../../src/host/embedded-postgres/PublicCopy.ts"
import { cluster, rows, scratchFolder } from "./fixtures/clusters.ts"

const bound = 120_000

/** Stands for the programs where their content does not matter, in a folder that only root enters. */
const privatePrograms = Effect.gen(function* () {
  const native = join(yield* scratchFolder, "native")
  yield* Effect.promise(async () => {
    for (const part of ["bin", "lib", "share"]) await mkdir(join(native, part), { recursive: true })
    await writeFile(join(native, "bin", "postgres"), "#!/bin/sh\nid -u\n", { mode: 0o700 })
    await writeFile(join(native, "lib", "libpq.so.5.18"), "library", { mode: 0o600 })
    await symlink("libpq.so.5.18", join(native, "lib", "libpq.so.5"))
    await writeFile(join(native, "share", "postgres.bki"), "catalog", { mode: 0o600 })
  })
  return native
})

/** A version of which no copy exists yet, and the names of its copies, which are removed with the scope. */
const unusedVersion = Effect.gen(function* () {
  const version = `test-${basename(yield* scratchFolder)}`
  const names = ["", ".2", ".3", ".4"].map((suffix) => join(tmpdir(), `fibric-postgres-${version}${suffix}`))
  yield* Effect.addFinalizer(() =>
    Effect.forEach(names, (name) => Effect.promise(() => rm(name, { recursive: true, force: true })))
  )
  const [shared = "", second = ""] = names
  return { version, shared, second, names }
})

const account = Effect.flatMap(Account.find, (found) => Effect.fromOption(found))

/** What the program says to the server's user: who that is. */
const runBy = (native: string) =>
  Effect.flatMap(Account.find, (found) =>
    Process.run(join(native, "bin", "postgres"), [], Account.ids(found))
  )

// Registered by who runs the tests, so that nobody's run shows a skipped one.
const isRoot = process.getuid?.() === 0

const asOrdinaryUser = () => {
  it.live(
    "runs the server as the user who asked for it",
    () =>
      Effect.gen(function* () {
        const { pid } = yield* cluster()
        const server = yield* Effect.promise(() => lstat(`/proc/${pid}`))
        assert.strictEqual(server.uid, process.getuid?.())
      }),
    bound
  )
}

describe(isRoot ? "EmbeddedPostgres as root" : "EmbeddedPostgres as an ordinary user", () => {
  if (!isRoot) return asOrdinaryUser()

  it.live(
    "runs the server, and owns its data, as the unprivileged user",
    () =>
      Effect.gen(function* () {
        const { uid } = yield* account
        const { directory, pid, url } = yield* cluster()
        const server = yield* Effect.promise(() => lstat(`/proc/${pid}`))
        const data = yield* Effect.promise(() => lstat(join(directory, "data")))
        const password = yield* Effect.promise(() => lstat(join(directory, "password")))
        assert.notStrictEqual(uid, 0)
        assert.deepStrictEqual([server.uid, data.uid, password.uid], [uid, uid, uid])
        assert.deepStrictEqual([data.mode & 0o777, password.mode & 0o777], [0o700, 0o600])
        assert.deepStrictEqual(yield* rows(url, "select 1 as one"), [{ one: 1 }])
      }),
    bound
  )

  it.live(
    "names the folder that is closed to the server's user",
    () =>
      Effect.gen(function* () {
        const closed = yield* scratchFolder
        const directory = join(closed, "inner", "cluster")
        yield* Effect.promise(() => mkdir(join(closed, "inner")))
        const error = yield* Effect.flip(cluster(directory))
        assert.strictEqual(error.reason, "directory_closed")
        assert.include(error.message, `can't pass ${closed} on the way to ${directory}`)
      }),
    bound
  )

  it.live("runs programs of a folder that only root enters, from a copy that is made once", () =>
    Effect.gen(function* () {
      const found = yield* Account.find
      const { uid } = yield* account
      const native = yield* privatePrograms
      const { shared, version } = yield* unusedVersion
      assert.strictEqual((yield* runBy(native)).code, undefined)
      const copies = yield* Effect.forEach([1, 2, 3], () => PublicCopy.make(found, native, version), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(copies, [shared, shared, shared])
      assert.deepStrictEqual(yield* runBy(shared), { code: 0, output: `${uid}\n` })
      assert.strictEqual(yield* PublicCopy.make(found, native, version), shared)
      const link = yield* Effect.promise(() => readlink(join(shared, "lib", "libpq.so.5")))
      assert.strictEqual(link, "libpq.so.5.18")
    })
  )

  it.live("leaves a copy that lacks a file, or that others may write, and makes another", () =>
    Effect.gen(function* () {
      const found = yield* Account.find
      const native = yield* privatePrograms
      const { names, version } = yield* unusedVersion
      const again = Effect.scoped(PublicCopy.make(found, native, version))
      assert.strictEqual(yield* again, names[0])
      yield* Effect.promise(() => rm(join(names[0] ?? "", "share", "postgres.bki")))
      assert.deepStrictEqual([yield* again, yield* again], [names[1], names[1]])
      yield* Effect.promise(() => chmod(join(names[1] ?? "", "share", "postgres.bki"), 0o666))
      assert.deepStrictEqual([yield* again, yield* again], [names[2], names[2]])
    })
  )

  it.live("does not use somebody else's folder, or a link, that has the copy's name", () =>
    Effect.gen(function* () {
      const found = yield* Account.find
      const { gid, uid } = yield* account
      const native = yield* privatePrograms
      const planted = yield* unusedVersion
      yield* Effect.promise(() => cp(native, planted.shared, { recursive: true, verbatimSymlinks: true }))
      yield* Effect.promise(() => chown(planted.shared, uid, gid))
      const linked = yield* unusedVersion
      yield* Effect.promise(() => symlink(native, linked.shared))
      for (const { second, version } of [planted, linked]) {
        assert.strictEqual(yield* PublicCopy.make(found, native, version), second)
        assert.deepStrictEqual(yield* runBy(second), { code: 0, output: `${uid}\n` })
      }
    })
  )

  it.live("has a copy of its own, for as long as the scope lasts, when every name is taken", () =>
    Effect.gen(function* () {
      const found = yield* Account.find
      const { uid } = yield* account
      const native = yield* privatePrograms
      const { names, version } = yield* unusedVersion
      for (const name of names) yield* Effect.promise(() => symlink(native, name))
      const scope = yield* Scope.make()
      const copy = yield* Scope.provide(PublicCopy.make(found, native, version), scope)
      assert.strictEqual(basename(copy), "native")
      assert.deepStrictEqual(yield* runBy(copy), { code: 0, output: `${uid}\n` })
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* runBy(copy)).code, undefined)
    })
  )
})
