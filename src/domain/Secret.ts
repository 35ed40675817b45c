/**
 * Secret: what a payload's schema says must be seen by the connector alone.
 *
 * A field is a secret when its schema is `Schema.Redacted` or `Schema.RedactedFromValue`. What the kernel
 * writes down or tells anybody has no secret in it: neither the value as it is, nor as JSON, in a URL or in
 * base64 it would be written.
 */
import { Redacted, type Schema, SchemaAST } from "effect"
import { escapePointer } from "./PayloadField.ts"
import { storable } from "./Text.ts"

/** Stands for a secret in a text. */
export const masked = "<redacted>"

/** A shorter value is not masked: it would be found in every second word, and is no secret. */
const shortest = 4

/** Any member, by whatever name. */
const everyMember = "*"

type Path = ReadonlyArray<string>

/** Where secrets stand in values of a schema. */
export const pathsIn = (schema: Schema.Top): ReadonlyArray<Path> => {
  const found: Array<Path> = []
  visit(schema.ast, [], found, new Set())
  return found
}

/** A path as a JSON pointer, `*` for any member. */
export const pointer = (path: Path): string => path.map((name) => `/${escapePointer(name)}`).join("")

const visit = (
  ast: SchemaAST.AST,
  path: Path,
  found: Array<Path>,
  above: ReadonlySet<SchemaAST.AST>
): void => {
  // A schema that contains itself has been looked at where it first stood.
  if (above.has(ast)) return
  const within = new Set(above).add(ast)
  const into = (inner: SchemaAST.AST, ...names: Path) => visit(inner, [...path, ...names], found, within)
  if (isRedacted(ast)) found.push(path)
  else if (SchemaAST.isSuspend(ast)) into(ast.thunk())
  else if (SchemaAST.isUnion(ast)) for (const member of ast.types) into(member)
  else if (SchemaAST.isObjects(ast)) {
    for (const { name, type } of ast.propertySignatures) into(type, String(name))
    for (const { type } of ast.indexSignatures) into(type, everyMember)
  } else if (SchemaAST.isArrays(ast)) {
    for (const member of [...ast.elements, ...ast.rest]) into(member, everyMember)
  } else if (SchemaAST.isDeclaration(ast))
    for (const parameter of ast.typeParameters) into(parameter, everyMember)
}

const isRedacted = (ast: SchemaAST.AST): boolean => {
  const representation: unknown = ast.annotations?.["representation"]
  return (
    typeof representation === "object" &&
    representation !== null &&
    "id" in representation &&
    representation.id === "effect/schema/Redacted"
  )
}

/**
 * The secrets of a value, as texts: whatever stands at the paths, also where it does not fit its schema, and
 * whatever is redacted, also in a schema that contains itself.
 */
export const valuesAt = (paths: ReadonlyArray<Path>, value: unknown): ReadonlyArray<string> => {
  if (paths.length === 0) return []
  const texts = new Set<string>()
  for (const redacted of redactedIn(value, new Set())) collect(redacted, texts)
  for (const path of paths) for (const found of at(value, path)) collect(found, texts)
  return [...texts]
    .filter(({ length }) => length >= shortest)
    .toSorted((one, other) => other.length - one.length)
}

const at = (value: unknown, [name, ...rest]: Path): ReadonlyArray<unknown> => {
  if (name === undefined) return [value]
  if (typeof value !== "object" || value === null) return []
  const members = name === everyMember ? membersOf(value) : [Reflect.get(value, name)]
  return members.flatMap((member) => at(member, rest))
}

const membersOf = (value: object): ReadonlyArray<unknown> =>
  value instanceof Map
    ? [...value.keys(), ...value.values()]
    : value instanceof Set
      ? [...value]
      : Object.values(value)

const redactedIn = (value: unknown, above: Set<object>): ReadonlyArray<unknown> => {
  if (Redacted.isRedacted(value)) return [value]
  if (typeof value !== "object" || value === null || above.has(value)) return []
  above.add(value)
  return membersOf(value).flatMap((member) => redactedIn(member, above))
}

const collect = (value: unknown, texts: Set<string>): void => {
  if (Redacted.isRedacted(value)) collect(Redacted.value(value), texts)
  else if (typeof value === "string" || typeof value === "number" || typeof value === "bigint")
    texts.add(String(value))
  else if (typeof value === "object" && value !== null)
    for (const member of membersOf(value)) collect(member, texts)
}

/** The text without the secrets, in whatever common form they stand in it; also where its end was cut off. */
export const mask = (text: string, secrets: ReadonlyArray<string>): string =>
  secrets
    .flatMap(formsOf)
    .filter((form) => form.length >= shortest)
    .reduce((clean, form) => withoutCut(clean.replaceAll(form, masked), form), text)

/** What `storable` leaves at the end of a text that it has cut in the middle of a secret. */
const withoutCut = (text: string, form: string): string => {
  if (!text.endsWith("…")) return text
  for (let length = form.length - 1; length >= shortest; length--) {
    const begun = `${form.slice(0, length)}…`
    if (text.endsWith(begun)) return `${text.slice(0, -begun.length)}${masked}…`
  }
  return text
}

/** Whether a text has one of the secrets in it. */
export const isIn = (text: string, secrets: ReadonlyArray<string>): boolean => mask(text, secrets) !== text

const formsOf = (secret: string): ReadonlyArray<string> => {
  const bytes = Buffer.from(secret, "utf8")
  return [
    secret,
    // As a text has it that was made storable.
    storable(secret, Infinity),
    JSON.stringify(secret).slice(1, -1),
    // JSON in JSON, as a provider's answer stands in an error.
    JSON.stringify(JSON.stringify(secret).slice(1, -1)).slice(1, -1),
    encodeURIComponent(secret.toWellFormed()),
    // As a form has it, and what comes after the question mark of a URL.
    new URLSearchParams([["", secret]]).toString().slice(1),
    bytes.toString("base64"),
    bytes.toString("base64url"),
    bytes.toString("hex")
  ]
}
