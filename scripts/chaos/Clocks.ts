/**
 * Clocks: workers whose clock is an hour ahead or behind, with Debian's libfaketime. Monotonic time is
 * left as it is: that no clock shows it wrong is the system's promise.
 */
import { Config, Effect, Option, Redacted } from "effect"
import { existsSync } from "node:fs"
import { arch } from "node:os"
import type { Record } from "./judge/Record.ts"
import { NotRun } from "./Stage.ts"

const folders: Readonly<{ [arch: string]: string }> = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" }

/** Where Debian puts it. `FAKETIME_LIBRARY` says where it is instead. */
const library = Effect.gen(function* () {
  const given = yield* Config.option(Config.String("FAKETIME_LIBRARY"))
  const path = Option.getOrElse(
    given,
    () => `/usr/lib/${folders[arch()] ?? arch()}/faketime/libfaketimeMT.so.1`
  )
  if (existsSync(path)) return path
  return yield* new NotRun({ stage: "clocks", reason: "libfaketime is not there (Debian: faketime)" })
})

/** Ahead, right, behind, in turn. */
const offsets = ["+1h", undefined, "-1h"] as const

/** The environment of the so-manieth worker. */
export const make = Effect.map(library, (path) => (number: number) => {
  const offset = offsets[number % offsets.length]
  if (offset === undefined) return {}
  return {
    LD_PRELOAD: Redacted.make(path),
    FAKETIME: Redacted.make(offset),
    FAKETIME_DONT_FAKE_MONOTONIC: Redacted.make("1")
  }
})

const halfAnHourMillis = 30 * 60_000

/** Receipts whose id, in which a worker's clock stands, is far from the time that the database says. */
export const skewed = ({ receipts }: Pick<Record, "receipts">): number =>
  receipts.filter(
    ({ at, id }) => Math.abs(Number.parseInt(id.replace("-", "").slice(0, 12), 16) - at) > halfAnHourMillis
  ).length
