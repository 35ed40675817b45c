/**
 * Handler: says in the type of a program that something carries out the capability of a name. Its value
 * is a mark, not the function: the executor alone can reach that.
 */
import { Context } from "effect"

export interface Handler<Name extends string> {
  readonly _: unique symbol
  readonly name: Name
}

/** The mark that a capability's connector puts into the context. */
export interface HandlerMark {
  readonly capability: string
}

export const handlerKey = <Name extends string>(name: Name) =>
  Context.Service<Handler<Name>, HandlerMark>(`fibric/kernel/Connector/Handler/${name}`)
