import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify, stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { readPublishedSample } from '../../examples/tour/published-sample.ts'
import { tableHead, tableRow } from '../../examples/tour/table.ts'
import { exitStatus, isAsExpected, type Line } from '../../examples/tour/verdict.ts'
import { PATIENCE_MS } from '../patience.ts'

const run = promisify(execFile)
const TOUR = fileURLToPath(new URL('../../examples/tour/tour.ts', import.meta.url))

// Written out, and not taken from the tour: what a newcomer reads.
const STORY = [
  'create, by the client            sending        -       not run',
  'retrieve: red_envelope.sent      handled        200     123456789 sent, 1.00 yuan',
  'retrieve: red_envelope.received  handled        200     123456789 received, 1.00 yuan',
  "charge.succeeded, Ping++'s own   handled        200     2015d019f7cf6c0d paid, 1.00 yuan",
  'sent, with a forged signature    rejected       401     not run',
  '  after 5 s, signed by Ping++    handled        200     222 sent, 8.88 yuan',
  'sent, before its order           failed         500     333 sent: not saved yet',
  '  after 5 s, again               handled        200     333 sent, 5.20 yuan',
  'received, the 200 is lost        handled        200     333 received, 5.20 yuan',
  '  after 5 s, again               duplicate      200     not run',
  'received, no webhook: reconcile  handled        -       222 received, 8.88 yuan',
]

describe('npm start', () => {
  it('prints the same rows for every framework and exits with 0', async () => {
    // execFile rejects unless the exit status is 0; the time limit is the promise that it ends.
    const { stdout, stderr } = await run(process.execPath, [TOUR], { timeout: PATIENCE_MS })

    const rows = stdout.split('\n').filter((line) => /^[✓✗].*(?:run|yuan|saved yet)$/.test(line))
    const expected = ['express', 'koa', 'fastify', 'hono'].flatMap((app) =>
      STORY.map((row) => `✓ ${app.padEnd(9)}${row}`),
    )
    expect(rows).toEqual(expected)
    for (const app of ['express', 'koa', 'fastify', 'hono']) {
      expect(stdout).toMatch(new RegExp(`^✓ ${app} +11 of 11 +3 +8$`, 'm'))
    }
    expect(stdout).toContain('All 44 lines are as expected.')
    expect(stderr).toBe('')
  })

  it('fits a terminal of 100 columns', async () => {
    const { stdout } = await run(process.execPath, [TOUR], { timeout: PATIENCE_MS })

    expect(stdout.split('\n').filter((line) => displayWidth(line) > 100)).toEqual([])
  })
})

describe("the tour's verdict", () => {
  const seen = { outcome: 'handled', status: 200, saw: '1 sent' }
  const good: Line = { app: 'koa', title: 'red_envelope.sent', expected: seen, actual: seen }
  const bad = [
    { ...good, actual: { ...seen, outcome: 'duplicate' } },
    { ...good, actual: { ...seen, status: 204 } },
    { ...good, actual: { ...seen, saw: 'not run' } },
  ]

  it('is 0 when every line is as expected', () => {
    expect(exitStatus([good, good])).toBe(0)
  })

  it.each(bad)('is 1 when one line differs: $actual', (line) => {
    expect(isAsExpected(line)).toBe(false)
    expect(exitStatus([good, line, good])).toBe(1)
  })

  it('is 1 when there are no lines at all', () => {
    expect(exitStatus([])).toBe(1)
  })

  it('marks a line that differs and shows what was expected below it', () => {
    const [row, expected] = stripVTControlCharacters(
      tableRow({ ...good, actual: { outcome: 'failed', status: 500, saw: 'not run' } }),
    ).split('\n')

    expect(row).toMatch(/^✗ koa +red_envelope\.sent +failed +500 +not run$/)
    expect(expected).toMatch(/^ +expected +handled +200 +1 sent$/)
    expect(stripVTControlCharacters(tableHead()).indexOf('outcome')).toBe(row?.indexOf('failed'))
  })

  it('has room for the longest outcome', () => {
    const row = tableRow({ ...good, actual: { ...seen, outcome: 'unhandled' } })

    expect(row).toContain('unhandled      200')
  })
})

describe("Ping++'s published sample", () => {
  it('is read unchanged from the npm package', () => {
    const { body, signature } = readPublishedSample()

    expect(JSON.parse(body)).toMatchObject({ id: 'evt_eYa58Wd44Glerl8AgfYfd1sL' })
    expect(Buffer.from(signature, 'base64')).toHaveLength(256)
  })
})

/** Columns that a terminal needs: Chinese characters and their punctuation take two. */
function displayWidth(line: string): number {
  return line.replaceAll(/[\u3000-\u9FFF\uFF00-\uFF60]/g, '  ').length
}
