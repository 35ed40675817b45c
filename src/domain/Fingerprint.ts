/**
 * Fingerprint: a versioned hash over what a payload binds. It tells a true repeat from another
 * action that wrongly shares the key.
 *
 * The version is part of the value, and a stored fingerprint is compared in the version that it was
 * written with.
 */
import type { Schema } from "effect"
import { keyedHash, sha256Hex } from "./Digest.ts"
import { escapePointer, type PayloadRole } from "./PayloadField.ts"

/** The most leaves that a conflict can name; a payload with more is explained by its top fields. */
const maxPaths = 64

/**
 * JSON with sorted keys and no white space. Numbers and strings are written as `JSON.stringify`
 * writes them, which for well-formed input is the form of RFC 8785.
 */
export const canonical = (value: Schema.Json): string => {
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  if (isArray(value)) return `[${value.map(canonical).join(",")}]`
  const members = sortedEntries(value).map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`)
  return `{${members.join(",")}}`
}

/** The payload without the fields that do not bind. */
export const boundPart = (payload: Schema.Json, roles: ReadonlyMap<string, PayloadRole>): Schema.Json =>
  roles.size === 0 ? payload : without(payload, roles, "")

/** The fingerprint of a bound part, such as `1:9f86…`. */
export const make = (bound: Schema.Json): string => `1:${sha256Hex(canonical(bound))}`

/**
 * A keyed hash for each path of the bound part. They let a conflict name the paths that differ, and
 * tell nobody what the values were.
 */
export const pathHashes = (bound: Schema.Json, secret: string): Readonly<Record<string, string>> => {
  const leaves = leavesOf(bound, Infinity)
  const named = leaves.length <= maxPaths ? leaves : topOf(bound)
  return Object.fromEntries(
    named.map(([path, value]) => [path, keyedHash(secret, `${path}\n${canonical(value)}`)])
  )
}

/** Where even the top fields are too many, the last path is the whole: some path always differs. */
const topOf = (bound: Schema.Json): ReturnType<typeof leavesOf> => {
  const top = leavesOf(bound, 1)
  return top.length <= maxPaths ? top : [...top.slice(0, maxPaths - 1), ["", bound]]
}

/** The paths whose hashes differ, or that only one side has, in order. */
export const differingPaths = (
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>
): ReadonlyArray<string> =>
  [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((path) => before[path] !== now[path])
    .sort()

const isArray = (value: Schema.Json): value is Schema.JsonArray => Array.isArray(value)

const sortedEntries = (value: object): ReadonlyArray<readonly [string, Schema.Json]> =>
  Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))

const without = (value: Schema.Json, roles: ReadonlyMap<string, PayloadRole>, path: string): Schema.Json => {
  if (value === null || typeof value !== "object" || isArray(value)) return value
  const pathOf = (name: string): string => `${path}/${escapePointer(name)}`
  return Object.fromEntries(
    sortedEntries(value)
      .filter(([name]) => !roles.has(pathOf(name)))
      .map(([name, member]) => [name, without(member, roles, pathOf(name))])
  )
}

const leavesOf = (
  value: Schema.Json,
  depth: number,
  path = ""
): ReadonlyArray<readonly [path: string, value: Schema.Json]> => {
  if (depth === 0 || value === null || typeof value !== "object") return [[path, value]]
  const members: ReadonlyArray<readonly [string, Schema.Json]> = isArray(value)
    ? value.map((member, index) => [String(index), member] as const)
    : sortedEntries(value)
  if (members.length === 0) return [[path, value]]
  return members.flatMap(([name, member]) => leavesOf(member, depth - 1, `${path}/${escapePointer(name)}`))
}
