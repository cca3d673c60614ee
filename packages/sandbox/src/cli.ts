#!/usr/bin/env node
import { Console } from 'node:console'
// As a whole: importing a name that an old Node does not have would be a syntax error.
import nodeModule from 'node:module'

const { node } = process.versions
const [major = 0, minor = 0] = node.split('.').map(Number)

// `engines` of package.json, of which npm only warns.
if (major > 22 || (major === 22 && minor >= 12)) start()
else {
  process.stderr.write(`error: hongbao-sandbox needs Node 22.12 or later; this is ${node}.\n`)
  process.exitCode = 1
}

function start(): void {
  // A command starts in half the time once its modules were compiled before.
  nodeModule.enableCompileCache()

  // Stdout only has results, also if a library logs.
  globalThis.console = new Console(process.stderr)

  // A reader that leaves, such as `head`, is not a failure; later output is dropped.
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
