#!/usr/bin/env node
/**
 * `fibric`, the command: runs the built package where it is installed, and the source in a clone, which
 * needs no build. What has to be there first is said in a sentence.
 */
import { existsSync, readFileSync } from "node:fs"
import process from "node:process"

const here = new URL(".", import.meta.url)
const manifest = JSON.parse(readFileSync(new URL("../package.json", here), "utf8"))

const stop = (sentence) => {
  process.stderr.write(`${sentence}\n`)
  process.exit(1)
}

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  stop(
    `fibric needs Node ${manifest.engines.node}, and this is ${process.versions.node}. Nothing was changed; run it with a newer one.`
  )
}

const built = new URL("../dist/src/host/cli.js", here)
const source = new URL("../src/host/cli.ts", here)
// Node runs no TypeScript of an installed package; in a clone, what was built may be older than the source.
const isInstalled = here.pathname.includes("/node_modules/")
const cli = (isInstalled ? [built] : [source, built]).find((file) => existsSync(file)) ?? built

try {
  const { main } = await import(cli.href)
  main(manifest.version, process.argv.slice(2))
} catch (error) {
  const missing = /^Cannot find package '([^']+)'/.exec(error?.message ?? "")?.[1]
  if (error?.code !== "ERR_MODULE_NOT_FOUND" || manifest.peerDependencies[missing] === undefined) throw error
  stop(
    `The command line needs ${missing}, which is not installed. Nothing was changed; npm install ${missing}@${manifest.peerDependencies[missing]}`
  )
}
