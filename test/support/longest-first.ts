/**
 * The order of the test files: those that take long first, so that none of them is left to run alone at the
 * end. A fresh clone remembers no durations; vitest would go by the sizes of the files.
 */
import { relative } from "node:path"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** The files of more than about ten seconds, longest first. */
const long: ReadonlyArray<string> = [
  "test/host/EmbeddedPostgres.test.ts",
  "test/demo/demo.test.ts",
  "test/postgres/upgrade.test.ts",
  "test/cluster/cluster.test.ts",
  "test/postgres/server-checks.test.ts",
  "test/postgres/frozen.test.ts",
  "test/postgres/processes.test.ts",
  "test/docs/readme.test.ts",
  "test/contracts/lifecycle-postgres.test.ts",
  "test/postgres/start.test.ts",
  "test/surface/cli.test.ts",
  "test/contracts/ledger-postgres.test.ts",
  "test/postgres/transactional.test.ts",
  "test/postgres/programs.test.ts",
  "test/surface/command-line.test.ts",
  "test/connectors/smtp-answers.test.ts",
  "test/postgres/roles.test.ts",
  "test/contracts/doubt-postgres.test.ts",
  "test/surface/receipts.test.ts"
]

export class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const rank = ({ moduleId, project }: TestSpecification): number => {
      const at = long.indexOf(relative(project.config.root, moduleId))
      return at === -1 ? long.length : at
    }
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b))
  }
}
