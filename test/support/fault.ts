/**
 * How a test says which fault of the list it covers. Its title begins with it, in a template, so that
 * docs/faults.md can be written from the sources: fault("deadlock"), then the sentence that it asserts.
 */
import type { FaultName } from "../faults/list.ts"

/** What the title of a test begins with that covers these faults. */
export const fault = (...names: readonly [FaultName, ...Array<FaultName>]): string =>
  names.map((name) => `[fault: ${name}]`).join(" ")
