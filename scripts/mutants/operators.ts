/**
 * Mutants of the operators: each makes one of them lose an event, or propose for it a second time.
 */
import type { Mutant } from "./list.ts"

const operator = "test/operator/Operator.test.ts"

export const operatorMutants: ReadonlyArray<Mutant> = [
  {
    name: "an operator's cursor moves before its proposals are put",
    edits: [
      {
        file: "src/operator/Runner.ts",
        find: "    yield* outbox.put(proposals, { operator: name, source: watch.name, from: kept, to })\n",
        replace:
          "    yield* outbox.put([], { operator: name, source: watch.name, from: kept, to })\n    yield* outbox.put(proposals)\n"
      }
    ],
    caughtBy: [operator],
    named: "the proposals and the move, or neither"
  },
  {
    name: "an operator's proposals are put wherever its cursor stands by now",
    edits: [
      {
        file: "src/operator/Runner.ts",
        find: "    yield* outbox.put(proposals, { operator: name, source: watch.name, from: kept, to })\n",
        replace:
          "    const from = kept === to ? kept : yield* outbox.cursorOf(name, watch.name)\n    yield* outbox.put(proposals, { operator: name, source: watch.name, from, to })\n"
      }
    ],
    caughtBy: [operator],
    named: "answer each event once"
  },
  {
    name: "an operator passes over an event that its propose throws at",
    edits: [
      {
        file: "src/operator/Batch.ts",
        find: "        return { proposals, events, to, obstacle: { cursor: entry.cursor, reason: answer.failure } }\n",
        replace: "        to = entry.cursor\n        continue\n"
      }
    ],
    caughtBy: [operator],
    named: "stops at that event"
  },
  {
    name: "an operator meets the receipts of its own actions",
    edits: [
      {
        file: "src/operator/ReceiptEvents.ts",
        find: "receipt.operator === reader ?",
        replace: "receipt.operator === `${reader} itself` ?"
      }
    ],
    caughtBy: ["test/operator/sources.test.ts"],
    named: "never meets the receipts of its own actions"
  },
  {
    name: "an operator that begins does not keep where it began",
    edits: [
      {
        file: "src/operator/Runner.ts",
        find: "      place.kept !== undefined &&\n",
        replace: ""
      }
    ],
    caughtBy: ["test/operator/sources.test.ts"],
    named: "knows what it missed from its first look on"
  },
  {
    name: "an operator is let go on by the receipts that the person would read",
    edits: [
      {
        file: "src/operator/Operator.ts",
        find: "yield* Acting.as(name)(watch.read(from, operator.batch))",
        replace: "yield* watch.read(from, operator.batch)"
      }
    ],
    caughtBy: ["test/operator/sources.test.ts"],
    named: "behind a person's receipt"
  },
  {
    name: "an operator's name is free when the first of its replicas has stopped",
    edits: [
      {
        file: "src/operator/Operator.ts",
        find: "if (taken.runs === 0) byName.delete(name)",
        replace: "byName.delete(name)"
      }
    ],
    caughtBy: [operator],
    named: "until the last of them has stopped"
  }
]
