/**
 * shrink: makes a plan that fails as small as it can be: the fewest requests, faults and verdicts with which
 * it still violates the same.
 */
import * as fc from "fast-check"
import type * as Plan from "../../src/testing/simulation/Plan.ts"
import * as Simulation from "../../src/testing/simulation/Simulation.ts"

/** How many plans are tried. */
const tries = 400

/** The smallest plan found that violates the invariant, from one that does. */
export const shrink = <R>(scenario: Plan.Scenario<R>, plan: Plan.Plan, invariant: string): Plan.Plan => {
  let smallest = plan
  const violates = (candidate: Plan.Plan): boolean =>
    Simulation.follow(scenario, candidate).violations.some((one) => one.invariant === invariant)
  const parts = fc.tuple(
    fc.subarray([...plan.faults]),
    fc.subarray([...plan.requests]),
    fc.subarray([...plan.verdictsAt])
  )
  fc.check(
    fc.property(parts, ([faults, requests, verdictsAt]) => {
      const candidate = { ...plan, faults, requests, verdictsAt }
      if (!violates(candidate)) return true
      smallest = candidate
      return false
    }),
    {
      // All of it, which fails; what fast-check then tries are its parts.
      examples: [[[[...plan.faults], [...plan.requests], [...plan.verdictsAt]]]],
      numRuns: 1,
      seed: plan.seed,
      interruptAfterTimeLimit: 60_000,
      skipAllAfterTimeLimit: 60_000,
      maxSkipsPerRun: tries
    }
  )
  return smallest
}
