/**
 * Everything that can be come by from some values: what a curious program finds that follows every
 * property, symbol, prototype, getter, element, key and value.
 */

/** The most objects that are looked at; a graph that is larger fails the test that asks. */
const bound = 500_000

/** All objects and functions that are reachable from the roots, the roots included. */
export const reachableFrom = (roots: ReadonlyArray<unknown>): ReadonlySet<unknown> => {
  const found = new Set<unknown>()
  const waiting: Array<unknown> = [...roots]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (!isHolder(value) || found.has(value)) continue
    if (found.size >= bound) throw new Error(`More than ${bound} objects are reachable: raise the bound`)
    found.add(value)
    waiting.push(...heldBy(value))
  }
  return found
}

const isHolder = (value: unknown): value is object =>
  (typeof value === "object" && value !== null) || typeof value === "function"

const heldBy = (holder: object): ReadonlyArray<unknown> => {
  const held: Array<unknown> = [Object.getPrototypeOf(holder)]
  for (const key of Reflect.ownKeys(holder)) {
    const descriptor = Object.getOwnPropertyDescriptor(holder, key)
    held.push(descriptor?.value, descriptor?.get, descriptor?.set)
    if (descriptor?.get !== undefined) held.push(readOf(holder, key))
  }
  if (holder instanceof Map) for (const [key, value] of holder) held.push(key, value)
  if (holder instanceof Set) held.push(...holder)
  if (holder instanceof WeakRef) held.push(holder.deref())
  return held
}

/** What a getter gives; one that refuses gives nothing away. */
const readOf = (holder: object, key: string | symbol): unknown => {
  try {
    return Reflect.get(holder, key)
  } catch {
    return undefined
  }
}
