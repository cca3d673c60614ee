import { fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { formatJson, formatTable, type Figure } from './figure.ts'
import { install } from './installed.ts'
import { MEASURES } from './measures.ts'

// node bench/run.ts [measure …]: a table for people, then one JSON line per figure.
// The status is 1 if something could not be measured; whether a figure holds is in its line.

const names = Object.keys(MEASURES)
const wanted = process.argv.slice(2)
const unknown = wanted.find((name) => !names.includes(name))
if (unknown !== undefined) {
  console.error(`There is no measure "${unknown}". There are: ${names.join(', ')}.`)
  process.exit(1)
}

const installation = install()
const figures: Figure[] = []
try {
  for (const name of wanted.length === 0 ? names : wanted) {
    console.error(`Measuring ${name} …`)
    figures.push(...(await runMeasure(name)))
  }
} finally {
  installation.remove()
}

console.log(`Node ${process.version}, ${cpus()[0]?.model}, ${availableParallelism()} cores\n`)
console.log(`${formatTable(figures)}\n`)
for (const figure of figures) console.log(formatJson(figure))

/** The figures of one measure, from a process of its own. Prints the error and returns none if it fails. */
async function runMeasure(name: string): Promise<Figure[]> {
  const child = fork(fileURLToPath(new URL('one.ts', import.meta.url)), [name], {
    execArgv: ['--expose-gc'],
  })
  let measured: Figure[] | undefined
  child.on('message', (message) => {
    measured = message as Figure[]
  })
  await once(child, 'exit')
  if (measured !== undefined) return measured
  console.error(`${name} could not be measured.`)
  process.exitCode = 1
  return []
}
