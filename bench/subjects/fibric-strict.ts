/**
 * fibric-strict: fibric where no claim goes along with a settlement. Each is durable before the next begins.
 */
import { openWith } from "./fibric.ts"
import type { Open } from "./Subject.ts"

export const open: Open = openWith({ keepLane: 0 })
