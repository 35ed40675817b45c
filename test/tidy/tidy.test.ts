import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { importsOf, rules, type Source } from "./rules.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const read = (path: string): string => readFileSync(`${root}${path}`, "utf8")

const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8"
})
  .split("\n")
  .filter((path) => /\.(?:ts|md|json)$|^\.ci\//.test(path) && existsSync(`${root}${path}`))

const sources: ReadonlyArray<Source> = tracked.map((path) => ({ path, text: read(path) }))

describe("the tree", () => {
  for (const rule of rules) {
    it(rule.name, () => {
      const files = sources.filter(({ path }) => rule.applies(path))
      assert.isNotEmpty(files)
      assert.deepStrictEqual(files.flatMap(rule.check), [])
    })
  }

  it("has no circle of imports", () => {
    const edges = new Map(
      sources
        .filter(({ path }) => /^(?:src|connectors)\/.*\.ts$/.test(path))
        .map(({ path, text }) => [
          path,
          importsOf(text)
            .filter((to) => to.startsWith("."))
            .map((to) => new URL(to, `file:///${path}`).pathname.slice(1))
        ])
    )
    // Types may refer to each other; what is left here would also need an order of evaluation.
    const typeOnly = new Set(["src/domain/Action.ts src/domain/Capability.ts"])
    const circles: Array<string> = []
    const visit = (path: string, above: ReadonlyArray<string>): void => {
      for (const next of edges.get(path) ?? []) {
        if (typeOnly.has(`${path} ${next}`)) continue
        if (above.includes(next)) circles.push([...above, next].join(" → "))
        else visit(next, [...above, next])
      }
    }
    for (const path of edges.keys()) visit(path, [path])
    assert.deepStrictEqual(circles, [])
  })
})

describe("each rule", () => {
  for (const rule of rules) {
    it(`catches what it is for: ${rule.name}`, () => {
      assert.isTrue(rule.applies(rule.caught.path))
      assert.isNotEmpty(rule.check(rule.caught))
    })
  }
})

interface Manifest {
  readonly devDependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly allowScripts: Readonly<Record<string, boolean>>
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
}

interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly hasInstallScript?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

interface Lock {
  readonly packages: Readonly<Record<string, Locked>>
}

/** Which versions are not pinned to the letter. */
const loose = (versions: Readonly<Record<string, string>>) =>
  Object.entries(versions).filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))

/** What the lockfile says where to get. */
const resolved = ({ packages }: Lock) =>
  Object.entries(packages).filter(([, { resolved }]) => resolved !== undefined)

/** What another system needs and the lockfile leaves out. */
const unlocked = ({ packages }: Lock) => {
  const wanted = Object.values(packages).flatMap(({ optionalDependencies }) =>
    Object.keys(optionalDependencies ?? {})
  )
  assert.isNotEmpty(wanted)
  return wanted.filter((name) => packages[`node_modules/${name}`]?.version === undefined)
}

describe("the package", () => {
  const manifest: Manifest = JSON.parse(read("package.json"))
  const lock: Lock = JSON.parse(read("package-lock.json"))

  it("pins what it is developed with, to the letter", () => {
    assert.deepStrictEqual(loose(manifest.devDependencies), [])
  })

  it("brings no library of its own: what a user has is a peer", () => {
    assert.isUndefined(manifest.dependencies)
    assert.property(manifest.peerDependencies, "effect")
  })

  it("exports only what has a source", () => {
    const targets = Object.entries(manifest.exports).flatMap(([, target]) =>
      typeof target === "string" ? [] : [target["fibric-source"] ?? "no source"]
    )
    assert.isNotEmpty(targets)
    assert.deepStrictEqual(
      targets.filter((target) => !existsSync(`${root}${target}`)),
      []
    )
  })

  it("records no host in its lockfile", () => {
    assert.deepStrictEqual(resolved(lock), [])
  })

  it("locks what other systems need too, so that `npm ci` works on each", () => {
    assert.deepStrictEqual(unlocked(lock), [])
  })

  it("names the packages whose install scripts must run", () => {
    const withScripts = Object.entries(lock.packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript === true)
      .map(([path]) => path.replace(/^.*node_modules\//, ""))
      // It builds natively on one system only and works without.
      .filter((name) => name !== "fsevents")
    assert.isNotEmpty(withScripts)
    assert.deepStrictEqual(
      withScripts.filter((name) => manifest.allowScripts[name] !== true),
      []
    )
  })
})

describe("the package of the peers", () => {
  const manifest: Pick<Manifest, "dependencies"> = JSON.parse(read("bench/peers/package.json"))
  const lock: Lock = JSON.parse(read("bench/peers/package-lock.json"))

  it("pins them, to the letter", () => {
    assert.deepStrictEqual(loose(manifest.dependencies ?? { none: "" }), [])
  })

  it("records no host in its lockfile", () => {
    assert.deepStrictEqual(resolved(lock), [])
  })

  it("locks what other systems need too", () => {
    assert.deepStrictEqual(unlocked(lock), [])
  })

  it("lets no install script run", () => {
    assert.match(read("bench/peers/.npmrc"), /^ignore-scripts=true$/m)
  })
})
