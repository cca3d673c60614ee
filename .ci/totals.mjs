// Prints `N passed, N failed` from the JSON reports of vitest runs: the plain line that closes a run.
// A file that could not even be loaded counts as one failure, and so do errors outside of tests, and so
// does a run that has left no report.
import { existsSync, readFileSync } from 'node:fs'

const totals = process.argv.slice(2).map((file) => {
  if (!existsSync(file)) return { passed: 0, failed: 1 }
  const report = JSON.parse(readFileSync(file, 'utf8'))
  const broken = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  )
  const failed = report.numFailedTests + broken.length
  return { passed: report.numPassedTests, failed: failed || Number(!report.success) }
})
const sum = (name) => totals.reduce((all, each) => all + each[name], 0)
console.log(`${sum('passed')} passed, ${sum('failed')} failed`)
