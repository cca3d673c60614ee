#!/usr/bin/env node
import { Console } from 'node:console'
// As a whole: importing a name that an old Node does not have would be a syntax error.
import nodeModule from 'node:module'

// `engines` of package.json, of which npm only warns.
const OLDEST_NODE = [22, 12] as const

if (isTooOld(process.versions.node)) {
  process.stderr.write(
    `error: hongbao-sandbox needs Node ${OLDEST_NODE.join('.')} or later; this is ${process.versions.node}.\n`,
  )
  process.exitCode = 1
} else {
  start()
}

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor, oldestMinor] = OLDEST_NODE
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor)
}

function start(): void {
  // A command starts in half the time once its modules were compiled before.
  nodeModule.enableCompileCache()

  // Stdout only has results, also if a library logs.
  globalThis.console = new Console(process.stderr)

  // A reader that leaves, such as `head`, is no failure; later output is dropped.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }

  // Imported after the cache is on, and not awaited at the top level, which the CommonJS build could not do.
  void import('./cli/program.ts')
    .then(({ run }) => run(process.argv.slice(2), process))
    .then((status) => {
      process.exitCode = status
    })
}
