/**
 * The style that a test can check, as rules over a file's text. Each rule says what it found and what
 * to do; `tidy.test.ts` runs them over the tree and over samples that must be caught.
 */

/** A source file: its path from the root, and its text. */
export interface Source {
  readonly path: string
  readonly text: string
}

export interface Rule {
  readonly name: string
  /** The files that it is for. */
  readonly applies: (path: string) => boolean
  /** What is wrong, in sentences; nothing where all is well. */
  readonly check: (source: Source) => ReadonlyArray<string>
  /** A file that the rule must catch. */
  readonly caught: Source
}

/** The text without comments and without what stands in quotes or templates. */
export const codeOf = (text: string): string =>
  text
    .replaceAll(/\/\*[\s\S]*?\*\//g, " ")
    .replaceAll(/"(?:[^"\\\n]|\\.)*"/g, `""`)
    .replaceAll(/\/\/[^\n]*/g, " ")
    .replaceAll(/`(?:[^`\\]|\\.)*`/g, "``")

/** What a file imports, types included. */
export const importsOf = (text: string): ReadonlyArray<string> =>
  [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\b[^"'`;]*?from\s+"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)|(?:^|\n)\s*import\s+"([^"]+)"/g
    )
  ].map(([, from, dynamic, bare]) => from ?? dynamic ?? bare ?? "")

const inSource = (path: string) => /^(src|connectors)\/.*\.ts$/.test(path)

/** What each area of src may import besides itself. */
const mayImport: Readonly<Record<string, ReadonlyArray<string>>> = {
  domain: [],
  kernel: ["domain"],
  postgres: ["domain", "kernel"],
  surface: ["domain", "kernel"],
  cluster: ["domain", "kernel"],
  operator: ["domain", "kernel"],
  host: ["domain", "kernel", "postgres", "surface", "cluster", "operator"],
  testing: ["domain", "kernel"]
}

const areaOf = (path: string): string | undefined => /^src\/([\w-]+)\//.exec(path)?.[1]

const resolve = (from: string, to: string): string => new URL(to, `file:///${from}`).pathname.slice(1)

const layering: Rule = {
  name: "an area imports only what stands to its left: domain, kernel, postgres, host",
  applies: (path) => path.startsWith("src/") && path !== "src/index.ts",
  check: ({ path, text }) => {
    const area = areaOf(path) ?? ""
    return importsOf(text)
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => resolve(path, specifier))
      .filter((target) => {
        const other = areaOf(target)
        return other !== area && !(mayImport[area] ?? []).includes(other ?? "")
      })
      .map((target) => `${path} imports ${target}: move the code to the left, or inject it.`)
  },
  caught: { path: "src/domain/A.ts", text: `import { b } from "../kernel/B.ts"` }
}

const publicOnly: Rule = {
  name: "a connector imports the public names only, as any outside author would",
  applies: (path) => /^connectors\/.*\.ts$/.test(path),
  check: ({ path, text }) =>
    importsOf(text)
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => resolve(path, specifier))
      .filter((target) => target.split("/")[1] !== path.split("/")[1] || !target.startsWith("connectors/"))
      .map((target) => `${path} imports ${target}: import from "fibric".`),
  caught: { path: "connectors/smtp/A.ts", text: `import { open } from "../../src/kernel/Sealed.ts"` }
}

const header: Rule = {
  name: "a module begins with what it is for",
  applies: inSource,
  check: ({ path, text }) =>
    /^\/\*\*\n \* \S[\s\S]{20,}?\*\//.test(text)
      ? []
      : [`${path} has no header: say in the words of the domain what it is for.`],
  caught: { path: "src/domain/A.ts", text: "export const a = 1" }
}

const maxLines = 300

const length: Rule = {
  name: `a file has at most ${maxLines} lines, and about 250 at best`,
  applies: inSource,
  check: ({ path, text }) => {
    const lines = text.split("\n").length - 1
    return lines > maxLines ? [`${path} has ${lines} lines: it holds two concepts, give each a file.`] : []
  },
  caught: { path: "src/domain/A.ts", text: "\n".repeat(maxLines + 1) }
}

/** Calls that have one place each, or none; the reason is what to do instead. */
const bans: ReadonlyArray<readonly [pattern: RegExp, instead: string]> = [
  [/\bDate\.now\b|\bnew Date\(/, "take time from Effect's Clock"],
  [/\bMath\.random\b/, "take randomness from domain/Identifiers"],
  [/\bset(?:Timeout|Interval|Immediate)\b/, "use Effect.sleep or a Schedule"],
  [/\bprocess\.env\b/, "read configuration through Config"],
  [/\bprocess\.(?:exit|on|once)\b/, "a library neither ends the process nor listens to its signals"],
  [/\bconsole\./, "log through Effect"],
  [/(?:\bas|[:<,|&])\s*any\b|\bany\[\]/, "use unknown, and read it with a Schema"],
  [/\.unsafe\(/, "give values as parameters of a statement"]
]

/** The places that may, each with its reason. */
const named: ReadonlySet<string> = new Set([
  // Where a simulation forbids them.
  "src/testing/simulation/RealTime.ts setTimeout",
  "src/testing/simulation/RealTime.ts setInterval",
  "src/testing/simulation/RealTime.ts setImmediate",
  // A turn of the event loop, on which the evidence rests; no time passes.
  "connectors/http/Exchange.ts setImmediate",
  "connectors/smtp/Handover.ts setImmediate",
  "connectors/smtp/conversation.ts setImmediate",
  // The Clock's time in the form that nodemailer takes.
  "connectors/smtp/Mail.ts new Date("
])

const banned: Rule = {
  name: "what would be untestable or unsafe is not called",
  applies: inSource,
  check: ({ path, text }) => {
    const code = codeOf(text)
    return bans.flatMap(([pattern, instead]) =>
      [...code.matchAll(new RegExp(pattern, "g"))]
        .filter(([found]) => !named.has(`${path} ${found}`))
        .map(([found]) => `${path} has ${found}: ${instead}.`)
    )
  },
  caught: { path: "src/kernel/A.ts", text: "export const now = () => Date.now()" }
}

/** Where a trial of the laws asks the server about its own transaction; a testing kit has no ledger to ask. */
const asksOfATransaction = "src/testing/laws/Transacting.ts"

const sqlInPostgres: Rule = {
  name: "SQL stands in src/postgres only",
  applies: (path) =>
    inSource(path) &&
    path !== asksOfATransaction &&
    !path.startsWith("src/postgres/") &&
    !/^connectors\/\w+-postgres\//.test(path),
  check: ({ path, text }) =>
    /\bsql(?:<[^`]*>)?`/.test(text.replaceAll(/\/\*[\s\S]*?\*\//g, " "))
      ? [`${path} has SQL: make it a named statement in src/postgres.`]
      : [],
  caught: { path: "src/kernel/A.ts", text: "export const a = (sql: S) => sql`SELECT 1`" }
}

const names: Rule = {
  name: "a file is named after what it holds",
  applies: inSource,
  check: ({ path }) =>
    /(?:^|\/)(?:utils?|helpers?|common|misc)\b/i.test(path)
      ? [`${path}: name it after the concept that it holds.`]
      : [],
  caught: { path: "src/kernel/utils.ts", text: "" }
}

/** An effect that is SQL in the ledger's database commits with its settlement: there, and there alone, it holds. */
const mayPromise = "connectors/orders-postgres/README.md"

const promise: Rule = {
  name: "the promise is never shortened to a bare \u201cexactly once\u201d",
  applies: (path) =>
    path !== mayPromise &&
    (inSource(path) || /^(?:README|ARCHITECTURE)\.md$|^(?:docs|connectors)\/.*\.md$/.test(path)),
  check: ({ path, text }) =>
    /\bexactly[\s-]+once\b/i.test(text)
      ? [
          `${path} says "exactly once": say what is dispatched once, and what happens where it can't be known.`
        ]
      : [],
  caught: { path: "README.md", text: "Effects run exactly once." }
}

const anyMachine: Rule = {
  name: "no file knows the machine that it was written on",
  applies: () => true,
  check: ({ path, text }) =>
    /(?:^|[\s"'`(=:])\/(?:home|root|Users|work)\/[\w.-]/.test(text)
      ? [`${path} has a path of a machine: make it relative.`]
      : [],
  caught: { path: "README.md", text: `cd /${"home"}/ada/fibric` }
}

export const rules: ReadonlyArray<Rule> = [
  layering,
  publicOnly,
  header,
  length,
  banned,
  sqlInPostgres,
  names,
  promise,
  anyMachine
]
