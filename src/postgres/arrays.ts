/**
 * arrays: the columns of many rows as parameters of one statement, each with its type: the driver could
 * not tell it where all members are null, or there are none.
 */
import { PgTypes } from "@effect/sql-pg"
import { Result } from "effect"

type Column<A> = (values: ReadonlyArray<A | null>) => PgTypes.Parameter

const column =
  <A>(oid: number): Column<A> =>
  (values) =>
    Result.getOrThrow(PgTypes.array(values, oid))

export const texts: Column<string> = column(PgTypes.OID.text)
export const uuids: Column<string> = column(PgTypes.OID.uuid)
export const hashes: Column<Uint8Array> = column(PgTypes.OID.bytea)
export const ints: Column<number> = column(PgTypes.OID.int4)
export const floats: Column<number> = column(PgTypes.OID.float8)
export const flags: Column<boolean> = column(PgTypes.OID.bool)
