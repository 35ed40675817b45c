/**
 * Deliberate bugs in what a key is bound to, and in what is told of it after it has moved.
 */
import type { Mutant } from "./list.ts"

const payloads = {
  memory: "test/contracts/payloads-memory.test.ts",
  postgres: "test/contracts/payloads-postgres.test.ts"
}
const contracts = {
  memory: "test/contracts/ledger-memory.test.ts",
  postgres: "test/contracts/ledger-postgres.test.ts"
}
const repeats = "test/kernel/repeats.test.ts"
const lateTruths = "test/kernel/late-truths.test.ts"
const about = "src/kernel/lifecycle/About.ts"

export const payloadMutants: ReadonlyArray<Mutant> = [
  {
    name: "a key that its first attempt settles stays bound to the payload of its second",
    edits: [
      {
        file: "src/kernel/lifecycle/Decision.ts",
        find: "sharesPayload(subject, row.current) ? null : subject.attempt",
        replace: "sharesPayload(subject, row.current) ? subject.attempt : null"
      }
    ],
    caughtBy: [lateTruths, payloads.memory]
  },
  {
    name: "a key that its first attempt settles stays bound to the payload of its second (Postgres)",
    edits: [
      {
        file: "src/postgres/settle.ts",
        find: "fingerprint = bound.fingerprint, paths = bound.paths,",
        replace: "fingerprint = ledger.fingerprint, paths = bound.paths,"
      }
    ],
    caughtBy: [payloads.postgres]
  },
  {
    name: "a success of one payload is told to whoever asked for the other",
    edits: [
      {
        file: "src/kernel/ledger-memory/transitions.ts",
        find: "decision.bindsTo === null ? next : boundTo(next, decision.bindsTo)",
        replace: "decision.bindsTo === 0 ? boundTo(next, 0) : next"
      }
    ],
    caughtBy: ["test/testing/simulation/payloads.test.ts"]
  },
  {
    name: "an earlier attempt that happened leaves the state of the later one (Postgres)",
    edits: [
      {
        file: "src/postgres/settle.ts",
        find: "state_json = bound.state_json",
        replace: "state_json = ledger.state_json"
      }
    ],
    caughtBy: [payloads.postgres]
  },
  {
    name: "an attempt that is claimed over forgets its payload (Postgres)",
    edits: [
      {
        file: "src/postgres/claim.ts",
        find: "refusal, effect_id, fingerprint, paths,",
        replace: "refusal, effect_id, NULL, paths,"
      }
    ],
    caughtBy: [payloads.postgres]
  },
  {
    name: "the refusal of another payload is told of this one",
    edits: [
      {
        file: about,
        find: 'other.evidence === "refused" && sharesPayload(other, subject)',
        replace: 'other.evidence === "refused"'
      }
    ],
    caughtBy: [payloads.memory]
  },
  {
    name: "a provider's replayed refusal counts for another payload, too",
    edits: [
      {
        file: about,
        find: "others.every((other) => isClosed(other) || sharesPayload(other, subject)) &&",
        replace: ""
      }
    ],
    caughtBy: [payloads.memory]
  },
  {
    name: "a refusal is told after it was reopened",
    edits: [
      {
        file: "src/kernel/Conclusion.ts",
        find: 'onlyIfStands: others.outcome === "deduplicated" && !isDone(receipt)',
        replace: 'onlyIfStands: others.outcome === "deduplicated" && isDone(receipt)'
      }
    ],
    caughtBy: [lateTruths]
  },
  {
    name: "what has moved is answered all the same",
    edits: [
      {
        file: "src/kernel/Flights.ts",
        find: 'recorded.value === "moved" ? lookAgain',
        replace: 'recorded.value === "moved" && ask.name === "" ? lookAgain'
      }
    ],
    caughtBy: [lateTruths]
  },
  {
    name: "nobody may join a flight that looks again",
    edits: [
      {
        file: "src/kernel/Flights.ts",
        find: "if (!flying.has(ask.name)) flying.set(ask.name, flight)",
        replace: "if (flying.size < 0) flying.set(ask.name, flight)"
      }
    ],
    caughtBy: [lateTruths]
  },
  {
    name: "a repeat is written although its receipt does not stand any more",
    edits: [
      {
        file: "src/kernel/ledger-memory/repeats.ts",
        find: "onlyIfStands && store.rows.get(hex(key.hash))?.receipt?.id !== refersTo",
        replace: "onlyIfStands && store.rows.get(hex(key.hash))?.receipt === undefined && refersTo === null"
      }
    ],
    caughtBy: [contracts.memory]
  },
  {
    name: "a repeat is written although its receipt does not stand any more (Postgres)",
    edits: [
      {
        file: "src/postgres/repeats.ts",
        find: "ON ledger.key_hash = repeat.key_hash AND ledger.receipt_id = repeat.refers_to",
        replace: "ON ledger.key_hash = repeat.key_hash"
      }
    ],
    caughtBy: [contracts.postgres]
  },
  {
    name: "the row that a repeat stands on can move before the repeat is committed",
    edits: [
      {
        file: "src/postgres/repeats.ts",
        find: "ORDER BY ledger.entity_hash, ledger.key_hash\n    FOR SHARE OF ledger",
        replace: "ORDER BY ledger.entity_hash, ledger.key_hash"
      }
    ],
    caughtBy: ["test/postgres/reopening.test.ts"]
  },
  {
    name: "a batch that waited past its time is written",
    edits: [
      {
        file: "src/postgres/repeats.ts",
        find: "        OFFSET 0\n      ) AS time\n      WHERE clock_timestamp() < not_after",
        replace: "        OFFSET 0\n      ) AS time\n      WHERE statement_timestamp() < not_after"
      }
    ],
    caughtBy: ["test/postgres/reopening.test.ts"]
  },
  {
    name: "a repeat in other words is written down like any other",
    edits: [
      {
        file: "src/kernel/Conclusion.ts",
        find: "reason: shares ? null : contentDrift(ask, entry, pathSecret)",
        replace: "reason: shares ? contentDrift(ask, entry, pathSecret) : null"
      }
    ],
    caughtBy: [repeats],
    named: "in other words"
  },
  {
    name: "a repeat in other words is answered from memory",
    edits: [
      {
        file: "src/kernel/Settled.ts",
        find: "entry?.fingerprint !== fingerprint || entry.wording !== wording",
        replace: "entry?.fingerprint !== fingerprint || entry.wording === `~${wording}`"
      }
    ],
    caughtBy: [repeats],
    named: "in other words"
  },
  {
    name: "the words of a repeat are remembered as those of what was done",
    edits: [
      {
        file: "src/kernel/Flights.ts",
        find: "Exit.isSuccess(answered) && conclusion.repeat?.reason === null",
        replace: "Exit.isSuccess(answered)"
      }
    ],
    caughtBy: [repeats],
    named: "in other words"
  },
  {
    name: "a conflict names what was only reworded",
    edits: [
      {
        file: "src/domain/Fingerprint.ts",
        find: "!path.startsWith(contentMark) && before[path] !== now[path])\n    .sort()",
        replace: "before[path] !== now[path])\n    .sort()"
      }
    ],
    caughtBy: [repeats],
    named: "over nothing else"
  },
  {
    name: "a step that is asked for after its program leaves no receipt",
    edits: [
      {
        file: "src/kernel/Conclusion.ts",
        find: 'new NotPerformed({ proof: "never_started", reason }), {\n    outcome: "denied",\n    refersTo: null,\n    reason\n  })',
        replace: 'new NotPerformed({ proof: "never_started", reason }), undefined)'
      }
    ],
    caughtBy: ["test/kernel/programs.test.ts"],
    named: "after its end"
  },
  {
    name: "a secret's schema that is used twice is seen once",
    edits: [
      {
        file: "src/domain/Secret.ts",
        find: "  above: ReadonlySet<SchemaAST.AST>\n",
        replace: "  above: Set<SchemaAST.AST>\n"
      },
      {
        file: "src/domain/Secret.ts",
        find: "const within = new Set(above).add(ast)",
        replace: "const within = above.add(ast)"
      }
    ],
    caughtBy: ["test/kernel/secrets.test.ts"],
    named: "used more than once"
  },
  {
    name: "a field is loosened where the third member of a union binds it",
    edits: [
      {
        file: "src/domain/PayloadField.ts",
        find: "const [first, ...others] = members.map((member) => {",
        replace: "const [first, other] = members.map((member) => {"
      },
      {
        file: "src/domain/PayloadField.ts",
        find: "others.every((other) => other.get(where) === role)",
        replace: "other === undefined || other.get(where) === role"
      }
    ],
    caughtBy: ["test/domain/PayloadField.test.ts"],
    named: "whichever of them that is"
  },
  {
    name: "a name with a slash in it is taken for a path",
    edits: [
      {
        file: "src/domain/Fingerprint.ts",
        find: "const pathOf = (name: string): string => `${path}/${escapePointer(name)}`",
        replace: "const pathOf = (name: string): string => `${path}/${name}`"
      }
    ],
    caughtBy: ["test/domain/PayloadField.test.ts"],
    named: "a slash or a tilde"
  },
  {
    name: "a name that looks like an escape is not found by its pointer",
    edits: [
      {
        file: "src/domain/PayloadField.ts",
        find: 'segment.replaceAll("~1", "/").replaceAll("~0", "~")',
        replace: 'segment.replaceAll("~0", "~").replaceAll("~1", "/")'
      }
    ],
    caughtBy: ["test/domain/PayloadField.test.ts"],
    named: "found again by its pointer"
  },
  {
    name: "a field loosens the one that has its old name in JSON",
    edits: [
      {
        file: "src/domain/PayloadField.ts",
        find: "  if (ast.encoding !== undefined) return\n",
        replace: "  if (SchemaAST.isUnion(ast) && ast.encoding !== undefined) return\n"
      }
    ],
    caughtBy: ["test/domain/PayloadField.test.ts"],
    named: "that was renamed"
  },
  {
    name: "a field of a union loosens the one that has its name in JSON",
    edits: [
      {
        file: "src/domain/PayloadField.ts",
        find: "  if (ast.encoding !== undefined) return\n",
        replace: "  if (SchemaAST.isObjects(ast) && ast.encoding !== undefined) return\n"
      }
    ],
    caughtBy: ["test/domain/PayloadField.test.ts"],
    named: "a union that stands for something else"
  },
  {
    name: "a secret in a field that is stored whole is let through",
    edits: [
      {
        file: "src/kernel/Secrets.ts",
        find: "capability.secrets.filter(([field]) => field !== undefined && capability.stores.has(field))",
        replace: 'capability.secrets.filter((path) => capability.stores.has(path.join(".")))'
      }
    ],
    caughtBy: ["test/kernel/secrets.test.ts"],
    named: "names the field that it is in"
  },
  {
    name: "a secret that is an element of a tuple is not seen",
    edits: [
      {
        file: "src/domain/Secret.ts",
        find: "for (const member of [...ast.elements, ...ast.rest]) into(member, everyMember)",
        replace: "for (const member of ast.rest) into(member, everyMember)"
      }
    ],
    caughtBy: ["test/kernel/secrets.test.ts"],
    named: "found in a tuple"
  }
]
