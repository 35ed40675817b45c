/**
 * Suite: every law at every cut, for one connector.
 *
 * An undisturbed call shows the conversation; then each of its packets is where a trial cuts. Trials share
 * nothing, so that they run side by side.
 */
import { Duration, Effect } from "effect"
import type { Action } from "../../domain/Action.ts"
import { valuesAt } from "../../domain/Secret.ts"
import * as Ask from "../../kernel/Ask.ts"
import { Settings } from "../../kernel/Settings.ts"
import { cutsOf, lostAnswersOf, undisturbed } from "./Cut.ts"
import { judge, type Report } from "./Report.ts"
import { type Brought, type Plan, unfit } from "./Stage.ts"
import type { Server, Subject, SubjectUnfit, Triable } from "./Subject.ts"
import * as Trial from "./Trial.ts"

/** A shorter one would be found in every second word. */
const shortestSecret = 8

/**
 * Tries all laws on a connector. Takes real time (a few seconds to a minute), so it does not run under a
 * `TestClock`. Broken laws are in the report; it fails only where the subject itself does not work.
 */
export const run = Effect.fnUntraced(function* <C extends Triable, S extends Server>(
  given: Subject<C, S>
): Effect.fn.Return<Report, SubjectUnfit> {
  // For any capability the compiler can't tell which of the two it is: either way it has these members.
  const subject = given as Brought<C, S>
  const isTransactional = subject.action.capability.recovery._tag === "Transactional"
  if (isTransactional !== (subject.database !== undefined)) {
    return yield* unfit(subject, "a transactional capability brings a database, and no other does")
  }
  const plan = yield* planOf(subject, subject.action)
  const { silenceMillis, deadlineMillis, lateMillis, watchMillis } = plan.times
  if (!(silenceMillis > 0 && deadlineMillis > 0 && watchMillis >= 0)) {
    return yield* unfit(subject, "its times must be more than nothing")
  }
  const first = yield* Trial.run(plan, undisturbed)
  if (first.packets.length === 0) {
    return yield* unfit(
      subject,
      "its undisturbed call said nothing on the wire; the connector has to connect to the address that it is given"
    )
  }
  const side = { concurrency: Math.max(1, subject.concurrency ?? 16) }
  const tried = yield* Effect.forEach(cutsOf(first.packets, lateMillis), (cut) => Trial.run(plan, cut), side)
  const refusals = subject.refused === undefined ? [] : yield* refused(subject, subject.refused, side)
  return judge(
    subject.name,
    { connections: subject.connections ?? (isTransactional ? 0 : 1) },
    [first, ...tried, ...refusals].map(({ seen }) => seen)
  )
})

const refused = Effect.fnUntraced(function* <C extends Triable, S extends Server>(
  subject: Brought<C, S>,
  action: Action<C>,
  side: { readonly concurrency: number }
) {
  const plan = yield* planOf(subject, action)
  const first = yield* Trial.run(plan, undisturbed)
  const lost = yield* Effect.forEach(lostAnswersOf(first.packets), (cut) => Trial.run(plan, cut), side)
  return [first, ...lost]
})

const planOf = Effect.fnUntraced(function* <C extends Triable, S extends Server>(
  subject: Brought<C, S>,
  action: Action<C>
): Effect.fn.Return<Plan<C, S>, SubjectUnfit> {
  const bounds = yield* Settings
  const ask = yield* Effect.mapError(Effect.fromResult(Ask.read(action, "laws", bounds)), (error) =>
    unfit(subject, `its action can't be asked for (${error.message})`)
  )
  const silenceMillis = Duration.toMillis(subject.silence ?? "1 second")
  const secrets = [...subject.secrets, ...valuesAt(ask.capability.secrets, ask.payload)]
  if (secrets.some(({ length }) => length < shortestSecret)) {
    return yield* unfit(subject, `a secret of less than ${shortestSecret} characters can't be looked for`)
  }
  return {
    subject,
    action,
    ask,
    secrets,
    maxBytes: bounds.maxOutputBytes,
    times: {
      silenceMillis,
      deadlineMillis: Duration.toMillis(subject.deadline ?? "10 seconds"),
      lateMillis: Math.ceil(silenceMillis * 1.5),
      watchMillis: Duration.toMillis(subject.watch ?? "250 millis")
    }
  }
})
