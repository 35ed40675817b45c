/**
 * Proposals: an action in the form in which it waits in the outbox, checked as `execute` would check it.
 * What could never be performed is refused when it is proposed, where somebody can still mend it.
 */
import { type DateTime, Result, Schema, SchemaAST } from "effect"
import type { Action } from "../domain/Action.ts"
import type * as Capability from "../domain/Capability.ts"
import type { Rejection } from "../domain/execute-error.ts"
import { PayloadNotStored } from "../domain/outbox-errors.ts"
import { jsonOf } from "../domain/PlainCodec.ts"
import * as Ask from "./Ask.ts"
import type { Proposal } from "./Outbox.ts"
import type { Bounds } from "./Settings.ts"

/** Reads an action and writes it as a proposal, or says why it can't wait in the outbox. */
export const make = (
  action: Action<Capability.Any>,
  operator: string,
  bounds: Bounds,
  dueAt?: DateTime.Utc
): Result.Result<Proposal, Rejection | PayloadNotStored> =>
  Result.gen(function* () {
    const { capability, decidedAt, key, payload } = yield* Ask.read(action, operator, bounds)
    const left = leftOut(capability)
    if (left.length > 0) {
      return yield* Result.fail(new PayloadNotStored({ capability: capability.name, fields: left }))
    }
    return {
      capability: capability.name,
      entity: { type: key.entity.type, id: key.entity.id },
      // What was read from JSON is written to it again.
      payload: Result.getOrThrow(jsonOf(capability.payload).encode(payload)),
      decidedAt,
      operator,
      dueAt
    }
  })

/** The fields of the payload that may not be stored. */
const leftOut = (capability: Capability.Any): ReadonlyArray<string> => {
  const ast = SchemaAST.toEncoded(Schema.toCodecJson(capability.payload).ast)
  return SchemaAST.isObjects(ast)
    ? ast.propertySignatures.map(({ name }) => String(name)).filter((name) => !capability.stores.has(name))
    : []
}
