/**
 * Fingerprint: a versioned hash over what a payload binds. It tells a true repeat from another
 * action that wrongly shares the key.
 *
 * The version is part of the value, and a stored fingerprint is compared in the version that it was
 * written with.
 */
import type { Schema } from "effect"
import { keyedHash, sha256Hex } from "./Digest.ts"
import { escapePointer, type PayloadRole, unescapePointer } from "./PayloadField.ts"

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
  return hashesOf(named, secret)
}

/** Where even the top fields are too many, the last path is the whole: some path always differs. */
const topOf = (bound: Schema.Json): ReturnType<typeof leavesOf> => {
  const top = leavesOf(bound, 1)
  return top.length <= maxPaths ? top : [...top.slice(0, maxPaths - 1), ["", bound]]
}

/** The fields of a payload that may be reworded, by their paths. */
export const contentOf = (payload: Schema.Json, roles: ReadonlyMap<string, PayloadRole>): Content =>
  [...roles].flatMap(([path, role]) => {
    const value = role === "content" ? valueAt(payload, path) : undefined
    return value === undefined ? [] : [[path, value] as const]
  })

export type Content = ReadonlyArray<readonly [path: string, value: Schema.Json]>

/** A hash over the words; equal for the same words. */
export const wordingOf = (content: Content): string =>
  content.length === 0 ? "" : sha256Hex(canonical(Object.fromEntries(content)))

/** What stands before the path of a field that may be reworded, in a row's paths; no path begins with it. */
const contentMark = "~"

/** A keyed hash for each field that may be reworded, to be kept beside those of the bound part. */
export const contentHashes = (content: Content, secret: string): Readonly<Record<string, string>> =>
  hashesOf(content.slice(0, maxPaths), secret, contentMark)

const hashesOf = (fields: Content, secret: string, mark = ""): Readonly<Record<string, string>> =>
  Object.fromEntries(
    fields.map(([path, value]) => [`${mark}${path}`, keyedHash(secret, `${path}\n${canonical(value)}`)])
  )

/** The paths of the bound part whose hashes differ, or that only one side has, in order. */
export const differingPaths = (
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>
): ReadonlyArray<string> =>
  [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((path) => !path.startsWith(contentMark) && before[path] !== now[path])
    .sort()

/** The paths of fields that both sides have, and in other words. */
export const rewordedPaths = (
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>
): ReadonlyArray<string> =>
  Object.keys(now)
    .filter(
      (path) => path.startsWith(contentMark) && before[path] !== undefined && before[path] !== now[path]
    )
    .map((path) => path.slice(contentMark.length))
    .sort()

const valueAt = (payload: Schema.Json, path: string): Schema.Json | undefined => {
  let value: Schema.Json | undefined = payload
  for (const segment of path.split("/").slice(1)) {
    if (value === null || typeof value !== "object" || isArray(value)) return undefined
    value = value[unescapePointer(segment)]
  }
  return value
}

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
