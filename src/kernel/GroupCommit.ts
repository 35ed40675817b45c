/**
 * GroupCommit: what many requests ask of the ledger at once, asked for many at once. Claims of all entities
 * share a commit, and so do settlements with their receipts; a settlement takes its entity's next claim along.
 *
 * It changes how often a ledger is asked, and no answer. Whatever a batch does not do goes alone: what is
 * rare, what another's row stands in the way of, and each row of a batch that failed.
 */
import { Effect, type Scope } from "effect"
import { hex } from "../domain/Digest.ts"
import type { LedgerUnavailable } from "../domain/errors.ts"
import * as Batching from "./Batching.ts"
import type { Claim, ClaimVerdict, Entry, KeyName, Ledger, SettledAlong, Settlement } from "./Ledger.ts"
import * as Seeking from "./Seeking.ts"

/** A settlement, and the claim that goes along with it where there is one. */
export interface Ending {
  readonly settlement: Settlement
  readonly next: Claim | undefined
}

export interface SettledTogether {
  /** In the order of the endings. `undefined`: nothing of it was written, and it has to be settled alone. */
  readonly ended: ReadonlyArray<SettledAlong | undefined>
  /** Only where it is known that nobody has claimed any of them. */
  readonly areNew: boolean
}

type Answers<A> = Effect.Effect<ReadonlyArray<A>, LedgerUnavailable>

/** A ledger's statements for many rows, with an answer for each in their order, and those for one. */
export interface Statements {
  readonly findAll: (keys: ReadonlyArray<KeyName>) => Answers<Entry | undefined>
  /** `undefined`: it was not claimed, and has to be claimed alone to learn why. */
  readonly claimAll: (claims: ReadonlyArray<Claim>) => Answers<ClaimVerdict | undefined>
  readonly claim: (claim: Claim) => Effect.Effect<ClaimVerdict, LedgerUnavailable>
  /** Settles, and says by the way whether all of the keys that are sought are new. */
  readonly settleAll: (
    endings: ReadonlyArray<Ending>,
    sought: ReadonlyArray<KeyName>
  ) => Effect.Effect<SettledTogether, LedgerUnavailable>
  readonly settle: (ending: Ending) => Effect.Effect<SettledAlong, LedgerUnavailable>
}

/** How many rows a batch has at most: more of them make a commit longer, and no cheaper. */
const maxRows = 1_024

/**
 * A row that brings more text than this counts as several, so that a batch has 8 million characters at
 * most, unless a single row brings more: hundreds of large answers in one statement would run out of its
 * time together, and all the others behind them wait.
 */
const charactersARow = 8_192

const rowsOfText = (characters: number): number => 1 + Math.floor(characters / charactersARow)

const rowsOfClaim = ({ basis, request }: Claim): number =>
  rowsOfText((request?.length ?? 0) + (basis?.becomes?.json.length ?? 0))

const rowsOfEnding = ({ next, settlement: { evidence } }: Ending): number =>
  rowsOfText("body" in evidence ? evidence.body.length : 0) + (next === undefined ? 0 : rowsOfClaim(next))

/** The port's functions over such statements, until the surrounding scope closes. */
export const make = Effect.fnUntraced(function* (
  statements: Statements
): Effect.fn.Return<
  Pick<Ledger["Service"], "find" | "claim" | "settle" | "settleAndClaim">,
  never,
  Scope.Scope
> {
  const scope = yield* Effect.scope
  const seeking = yield* Seeking.make(scope)
  const settleAll = (endings: ReadonlyArray<Ending>) => {
    const together = oneForEachState(endings)
    const answers = seeking.along(maxRows, (sought) => statements.settleAll(together, sought))
    if (together.length === endings.length) return Effect.map(answers, ({ ended }) => ended)
    return Effect.map(answers, ({ ended }) => {
      const answerOf = new Map(together.map((ending, index) => [ending, ended[index]]))
      return endings.map((ending) => answerOf.get(ending))
    })
  }
  const found = yield* Batching.make({ operation: "find", scope, maxRows, run: statements.findAll })
  const claimed = yield* Batching.make({
    operation: "claim",
    scope,
    maxRows,
    rowsOf: rowsOfClaim,
    run: statements.claimAll
  })
  const settled = yield* Batching.make({
    operation: "settle",
    scope,
    maxRows,
    rowsOf: rowsOfEnding,
    run: settleAll
  })

  const settle = (ending: Ending) => orAlone(settled.ask(ending), () => statements.settle(ending))
  // One row that can't be read is its own asker's trouble, and nobody else's.
  const find = (key: KeyName) =>
    Effect.catchDefect(found.ask(key), () => Effect.map(statements.findAll([key]), ([entry]) => entry))

  return {
    find: (key, pace) =>
      pace === undefined
        ? find(key)
        : Effect.flatMap(seeking.isNew(key), (isNew) => (isNew ? Effect.undefined : find(key))),
    claim: (claim) =>
      isPlain(claim) ? orAlone(claimed.ask(claim), () => statements.claim(claim)) : statements.claim(claim),
    settle: (settlement) => Effect.map(settle({ settlement, next: undefined }), ({ applied }) => applied),
    settleAndClaim: (settlement, next) => settle({ settlement, next })
  }
})

/** The first attempt of a key that belongs to no program. */
const isPlain = ({ root, seenAttempt }: Claim): boolean => seenAttempt === 0 && root === null

/** Of those that change a state one for each: a second one finds out alone what has become of it. */
const oneForEachState = (batch: ReadonlyArray<Ending>): ReadonlyArray<Ending> => {
  const changed = new Set<string>()
  return batch.filter(({ settlement: { stateOf } }) => {
    if (stateOf === null || stateOf === undefined) return true
    const name = hex(stateOf)
    const isFirst = !changed.has(name)
    changed.add(name)
    return isFirst
  })
}

/** What was not done with the others is done alone, by whoever asked for it; its statement is made then. */
const orAlone = <A>(
  together: Effect.Effect<A | undefined, LedgerUnavailable>,
  alone: () => Effect.Effect<A, LedgerUnavailable>
): Effect.Effect<A, LedgerUnavailable> =>
  Effect.filterOrElse(together, (answer) => answer !== undefined, alone)
