/**
 * Report: the verdict of every law in every trial, and how it is told.
 */
import type { Observation } from "./Observation.ts"
import { type Declared, type LawName, laws, names } from "./Law.ts"

/** Where a law was tried. */
interface Where {
  readonly law: LawName
  /** What was done to the wire: "reset in the middle of the server's packet 3", or "undisturbed". */
  readonly cut: string
  /** Whether the cut took effect. The undisturbed wire loses nothing. */
  readonly fired: boolean
}

/** One law's word about one trial. */
export type Verdict =
  | ({ readonly _tag: "Held" } & Where)
  | ({
      readonly _tag: "Broken"
      /** What happened, in a sentence; so are the other two. */
      readonly happened: string
      readonly means: string
      readonly advice: string
    } & Where)

export interface Report {
  /** The connector's name. */
  readonly subject: string
  readonly trials: number
  /** Trials whose cut took effect. Where a conversation was over before its cut, nothing was lost. */
  readonly cuts: number
  /** One for each law and each trial that it says something about. */
  readonly verdicts: ReadonlyArray<Verdict>
}

/** Laws were broken, or hardly tried. The message is the whole story, for a person to read. */
export class LawsBroken extends Error {
  override readonly name = "LawsBroken"
  readonly report: Report

  constructor(report: Report) {
    super(describe(report))
    this.report = report
  }
}

/** Judges what was seen. */
export const judge = (
  subject: string,
  declared: Declared,
  observations: ReadonlyArray<Observation>
): Report => ({
  subject,
  trials: observations.length,
  cuts: observations.filter(({ fired }) => fired).length,
  verdicts: laws.flatMap((law) =>
    observations.filter(law.applies).map((seen): Verdict => {
      const where = {
        law: law.name,
        cut: seen.refused ? `${seen.cut.name}, of the refused one` : seen.cut.name,
        fired: seen.fired
      }
      const happened = law.against(seen, declared)
      return happened === undefined
        ? { _tag: "Held", ...where }
        : { _tag: "Broken", ...where, happened, means: law.means, advice: law.advice }
    })
  )
})

/** The laws that are broken somewhere, in their order. */
export const brokenLaws = ({ verdicts }: Report): ReadonlyArray<LawName> => {
  const broken = new Set(verdicts.filter(({ _tag }) => _tag === "Broken").map(({ law }) => law))
  return names.filter((name) => broken.has(name))
}

/** What a report says about one law. */
export interface Tally {
  readonly law: LawName
  /**
   * - `held`: tried at least once, and never seen broken
   * - `broken`: seen broken at least once
   * - `untried`: the subject brings nothing to try it with, so nothing is known
   */
  readonly outcome: "held" | "broken" | "untried"
  /** At how many places of the conversation it was tried; the undisturbed one is one of them. */
  readonly cuts: number
  /** How many of them took effect. A law about what happens undisturbed has none. */
  readonly fired: number
}

/** Every law, in their order, whatever the connector's recovery. */
export const tally = ({ verdicts }: Report): ReadonlyArray<Tally> =>
  names.map((law) => {
    const own = verdicts.filter((verdict) => verdict.law === law)
    const isBroken = own.some(({ _tag }) => _tag === "Broken")
    return {
      law,
      outcome: isBroken ? "broken" : own.length > 0 ? "held" : "untried",
      cuts: own.length,
      fired: own.filter(({ fired }) => fired).length
    }
  })

/** Whether most trials lost nothing: then the laws held, and nothing is proven. */
const isVacuous = ({ cuts, trials }: Report): boolean => cuts * 2 < trials

/**
 * Throws a `LawsBroken` whose message lists every broken law, unless all are held; also where fewer than
 * half of the trials lost anything.
 */
export const expectLawful = (report: Report): void => {
  if (brokenLaws(report).length > 0 || isVacuous(report)) throw new LawsBroken(report)
}

/** How many places of one broken law are written out. */
const examples = 3

/** The report as lines: a law each, and beneath a broken one where, what it means and what to do. */
export const describe = (report: Report): string =>
  [
    `${report.subject}: ${report.trials} trials, ${report.cuts} of them cut`,
    ...(isVacuous(report)
      ? [
          "  VACUOUS most conversations were over before their cut, so nothing is proven. Give the call a longer `silence`, and let it say the same in each trial."
        ]
      : []),
    ...names.flatMap((name) => lawLines(name, report.verdicts))
  ].join("\n")

const lawLines = (name: LawName, verdicts: ReadonlyArray<Verdict>): ReadonlyArray<string> => {
  const own = verdicts.filter(({ law }) => law === name)
  const broken = own.filter((verdict) => verdict._tag === "Broken")
  if (own.length === 0) return [`  -       ${name}: not tried`]
  const [first] = broken
  if (first === undefined) return [`  held    ${name} (${own.length})`]
  const more = broken.length - examples
  return [
    `  BROKEN  ${name} (${broken.length} of ${own.length})`,
    ...broken.slice(0, examples).map(({ cut, happened }) => `          ${cut}: ${happened}`),
    ...(more > 0 ? [`          and ${more} more`] : []),
    `          ${first.means}`,
    `          ${first.advice}`
  ]
}
