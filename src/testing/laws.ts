/**
 * fibric/testing/laws: prove a connector. The public names, nothing else.
 */
export { type LawName, names as lawNames } from "./laws/Law.ts"
export {
  brokenLaws,
  describe,
  expectLawful,
  LawsBroken,
  type Report,
  type Tally,
  tally,
  type Verdict
} from "./laws/Report.ts"
export {
  type Address,
  type Database,
  type Happened,
  type Remote,
  type Server,
  type Subject,
  subject,
  SubjectUnfit,
  type Transactional,
  type Triable
} from "./laws/Subject.ts"
export { run } from "./laws/Suite.ts"
