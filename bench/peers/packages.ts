/**
 * packages: the peers' own packages, installed into this folder on first use, from its own lockfile, so that
 * nobody else installs them. Nothing else is downloaded, and none of their install scripts runs (`.npmrc`).
 */
import { spawn } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Console, Effect, Schema } from "effect"

/** npm could not install them. */
export class NotInstalled extends Schema.TaggedError<NotInstalled>()("NotInstalled", {
  code: Schema.NullOr(Schema.Int)
}) {
  override get message() {
    return `npm ci in bench/peers ended with ${this.code}. What it said stands above.`
  }
}

const folder = import.meta.dirname

const lock = () => readFileSync(join(folder, "package-lock.json"), "utf8")

/** A copy of the lockfile that was installed: npm's own note of it leaves things out. */
const installed = join(folder, "node_modules/.installed-lock.json")

const npmCi = Effect.callback<number | null>((resume) => {
  // Its stdout is for people, and ours is for the answer.
  const child = spawn("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: ["ignore", 2, 2] })
  child.once("error", () => resume(Effect.succeed(null)))
  child.once("exit", (code) => resume(Effect.succeed(code)))
  return Effect.sync(() => void child.kill())
})

/** Installs them unless they are there as the lockfile has them. */
export const install = Effect.gen(function* () {
  const wanted = lock()
  if (existsSync(installed) && readFileSync(installed, "utf8") === wanted) return
  yield* Console.error("Installing the peers' packages into bench/peers, once …")
  const code = yield* npmCi
  if (code !== 0) return yield* new NotInstalled({ code })
  writeFileSync(installed, wanted)
})
