/**
 * Writes docs/faults.md: `npm run faults`.
 */
import { writeFileSync } from "node:fs"
import { marked, root } from "./Marked.ts"
import { page } from "./page.ts"

writeFileSync(`${root}docs/faults.md`, page(marked()))
