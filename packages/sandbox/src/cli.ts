#!/usr/bin/env node
import { run } from './cli/program.ts'

// A reader that leaves, as `head` does, is no failure: what is written after that goes nowhere.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

// Not awaited at the top level, which the CommonJS build could not do.
void run(process.argv.slice(2), process).then((status) => {
  process.exitCode = status
})
