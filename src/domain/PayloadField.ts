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

/** Paths (JSON pointers) of a struct's fields that are not bound, with their role. */
export const rolesOf = (schema: Schema.Top): ReadonlyMap<string, PayloadRole> => {
  const roles = new Map<string, PayloadRole>()
  const visit = (ast: SchemaAST.AST, path: string): void => {
    if (!SchemaAST.isObjects(ast)) return
    for (const property of ast.propertySignatures) {
      const here = `${path}/${escapePointer(String(property.name))}`
      const role = roleOf(property.type)
      if (role === undefined || role === "bound") visit(property.type, here)
      else roles.set(here, role)
    }
  }
  visit(schema.ast, "")
  return roles
}

const annotatedRole = SchemaAST.resolveAt<PayloadRole>(annotation)

/** An optional field is a union with `undefined`; the mark may stand on the member. */
const roleOf = (ast: SchemaAST.AST): PayloadRole | undefined =>
  annotatedRole(ast) ??
  (SchemaAST.isUnion(ast) ? ast.types.map(annotatedRole).find((role) => role !== undefined) : undefined)

/** Escapes one segment of a JSON pointer (RFC 6901). */
export const escapePointer = (segment: string): string => segment.replaceAll("~", "~0").replaceAll("/", "~1")
