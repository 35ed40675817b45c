/**
 * PayloadField: what a field of a payload means for "is this the same action?".
 *
 * Every field is bound unless it says otherwise: a repeat with another value in it is a `KeyConflict`.
 * The safe side is the default, so a forgotten annotation refuses a repeat and never merges two
 * different actions.
 */
import { Schema, SchemaAST } from "effect"

/**
 * `bound`: part of the fingerprint. `content`: may be reworded without becoming another action (a
 * text that a model writes anew each time). `volatile`: ignored (a trace id, a timestamp).
 */
export type PayloadRole = "bound" | "content" | "volatile"

const annotation = "fibric/domain/PayloadField/role"

/** Marks a field of a struct as content: rewording it does not make it another action. */
export const Content = <S extends Schema.Top>(schema: S): S["Rebuild"] =>
  schema.annotate({ [annotation]: "content" satisfies PayloadRole })

/** Marks a field of a struct as volatile: it says nothing about what the action is. */
export const Volatile = <S extends Schema.Top>(schema: S): S["Rebuild"] =>
  schema.annotate({ [annotation]: "volatile" satisfies PayloadRole })

/**
 * Paths (JSON pointers, under the names in JSON) of a struct's fields that are not bound, with their
 * role. Marks are looked for on both sides of the codec: a transformed field has its own only on the
 * type's side, and a renamed one, or one of a class, only on the JSON side. A field that is renamed
 * and transformed loses its mark and is bound.
 */
export const rolesOf = (schema: Schema.Top): ReadonlyMap<string, PayloadRole> => {
  const roles = new Map<string, PayloadRole>()
  visit(schema.ast, "", roles)
  visit(SchemaAST.toEncoded(Schema.toCodecJson(schema).ast), "", roles)
  return roles
}

const visit = (ast: SchemaAST.AST, path: string, roles: Map<string, PayloadRole>): void => {
  // What is transformed as a whole may have other names in JSON than on this side.
  if (ast.encoding !== undefined) return
  if (SchemaAST.isUnion(ast)) {
    for (const [where, role] of agreedRoles(ast.types.filter(isSomething), path)) roles.set(where, role)
    return
  }
  if (!SchemaAST.isObjects(ast)) return
  for (const property of ast.propertySignatures) {
    const here = `${path}/${escapePointer(String(property.name))}`
    const role = roleOf(property.type)
    if (role === undefined) visit(property.type, here, roles)
    else roles.set(here, role)
  }
}

/** A mark in one member of a union must not loosen another: it holds where every member has it. */
const agreedRoles = (
  members: ReadonlyArray<SchemaAST.AST>,
  path: string
): ReadonlyArray<readonly [string, PayloadRole]> => {
  const [first, ...others] = members.map((member) => {
    const found = new Map<string, PayloadRole>()
    visit(member, path, found)
    return found
  })
  return [...(first ?? [])].filter(([where, role]) => others.every((other) => other.get(where) === role))
}

/** An optional's `undefined` and a nullable's `null` have nothing to bind. */
const isSomething = (ast: SchemaAST.AST): boolean => !SchemaAST.isUndefined(ast) && !SchemaAST.isNull(ast)

/** A mark stands on the type, on a check that came after it, or on all that an optional's union may be. */
const roleOf = (ast: SchemaAST.AST): PayloadRole | undefined =>
  markOf(ast.annotations) ??
  ast.checks?.map((check) => markOf(check.annotations)).find((role) => role !== undefined) ??
  (SchemaAST.isUnion(ast) ? agreed(ast.types.filter(isSomething).map(roleOf)) : undefined)

const agreed = ([first, ...others]: ReadonlyArray<PayloadRole | undefined>): PayloadRole | undefined =>
  others.every((role) => role === first) ? first : undefined

const markOf = (annotations: Schema.Annotations.Annotations | undefined): PayloadRole | undefined => {
  const mark = annotations?.[annotation]
  return mark === "content" || mark === "volatile" ? mark : undefined
}

/** Escapes one segment of a JSON pointer (RFC 6901). */
export const escapePointer = (segment: string): string => segment.replaceAll("~", "~0").replaceAll("/", "~1")

/** The segment that was escaped so. */
export const unescapePointer = (segment: string): string =>
  segment.replaceAll("~1", "/").replaceAll("~0", "~")
