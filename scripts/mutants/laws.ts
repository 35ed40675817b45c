/**
 * Mutants of the law suite: each lets a connector with a bad habit pass.
 */
import type { Mutant } from "./list.ts"

const laws = "test/testing/laws/laws.test.ts"

export const lawMutants: ReadonlyArray<Mutant> = [
  {
    name: "a lookup is cut on connections that it does not use",
    edits: [
      {
        file: "src/testing/laws/Recovering.ts",
        find: "    .map((packet) => ({ ...packet, connection: packet.connection - connectionsBefore }))\n",
        replace: ""
      }
    ],
    caughtBy: [laws],
    named: "that is hasty"
  },
  {
    name: "of a lookup that failed the kernel's sentence alone is heard",
    edits: [
      {
        file: "src/testing/laws/Recovering.ts",
        find: '"what a lookup came to", Exit.isFailure(exit.value) ? exit.value.cause.reasons : found)',
        replace: '"what a lookup came to", found)'
      }
    ],
    caughtBy: [laws],
    named: "that is indiscreet"
  },
  {
    name: "of a request that is sent again the kernel's sentence alone is heard",
    edits: [
      {
        file: "src/testing/laws/Recovering.ts",
        find: 'for (const told of toldBy(Option.getOrUndefined(exit))) heard.add("the end of sending it again", told)',
        replace: "toldBy(undefined)"
      }
    ],
    caughtBy: [laws],
    named: "that is blurting"
  },
  {
    name: "nobody watches what a transactional function does when its transaction is over",
    edits: [
      {
        file: "src/testing/laws/TransactionTrial.ts",
        find: "  yield* Effect.sleep(times.watchMillis)\n",
        replace: ""
      }
    ],
    caughtBy: [laws],
    named: "that is tardy"
  }
]
