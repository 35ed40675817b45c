/**
 * fibric/testing: simulate your own capabilities and connectors on the real kernel, in a world, on a clock
 * and under faults that a seed decides. The public names, nothing else.
 */
export { type FaultName, faultNames } from "./simulation/Faults.ts"
export type { InvariantName, Violation } from "./simulation/judge/invariants.ts"
export { type Asking, ask, type Plan, type Request, type Scenario } from "./simulation/Plan.ts"
export { expectOneEffectPerKey, NotHeld, type Report, runSeeds } from "./simulation/Report.ts"
export { follow, type Outcome, run } from "./simulation/Simulation.ts"
export type { Happened, World } from "./simulation/World.ts"
