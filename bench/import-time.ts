import { spawnSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { withinAllowance, type Figure } from './figure.ts'
import { installedPath } from './installed.ts'
import { median } from './side-by-side.ts'

// Import time matters on platforms that start a process per burst of requests. Their cold
// starts begin at a few hundred milliseconds; a tenth of that would be noticed.
const ALLOWED_MS = 30
const ROUNDS = 15

/** How long a fresh Node takes to import core, beyond what it takes to start and import nothing. */
export async function measure(): Promise<Figure[]> {
  const core = importOf(pathToFileURL(installedPath('core')).href)
  // Which part of it is OpenSSL's, and would be the same in any library.
  const crypto = importOf('node:crypto')
  const rounds = Array.from({ length: ROUNDS + 2 }, () => {
    const nothingMs = startMs('')
    return { coreMs: startMs(core) - nothingMs, cryptoMs: startMs(crypto) - nothingMs, nothingMs }
  }).slice(2)
  const of = (name: 'coreMs' | 'cryptoMs' | 'nothingMs') =>
    median(rounds.map((round) => round[name])).toFixed(1)
  const note = `beyond Node's own start of ${of('nothingMs')} ms; node:crypto alone takes ${of('cryptoMs')} ms`
  return [withinAllowance('import time', Number(of('coreMs')), ALLOWED_MS, 'ms', note)]
}

function importOf(specifier: string): string {
  return `await import(${JSON.stringify(specifier)})`
}

/** From the start of a Node to its end. */
function startMs(program: string): number {
  const before = performance.now()
  const { status } = spawnSync(process.execPath, ['--input-type=module', '--eval', program])
  if (status !== 0) throw new Error(`A fresh Node could not run: ${program}`)
  return performance.now() - before
}
