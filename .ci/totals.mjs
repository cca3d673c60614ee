// Prints `N passed, N failed` from the JSON report of a vitest run: the plain line that closes it.
// A file that could not even be loaded counts as one failure, and so do errors outside of tests.
import { readFileSync } from 'node:fs'

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const broken = report.testResults.filter(
  ({ status, assertionResults }) =>
    status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
)
const failed = report.numFailedTests + broken.length
console.log(`${report.numPassedTests} passed, ${failed || Number(!report.success)} failed`)
