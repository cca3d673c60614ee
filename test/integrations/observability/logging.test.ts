import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { PinoLine } from './failing-delivery.ts'
import { writeRecipe } from './recipes.ts'

it('the recipe for pino logs a failed delivery as one line of JSON with its facts as fields', async () => {
  const program = join(import.meta.dirname, 'failing-delivery.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [
    program,
    writeRecipe('logging.ts'),
  ])
  expect(stdout.trim().split('\n')).toHaveLength(1)
  const line: PinoLine = JSON.parse(stdout)
  expect(line).toMatchObject({
    level: 50,
    msg: expect.stringContaining('[hongbao] handler-failed (red_envelope.sent evt_') as string,
    code: 'handler-failed',
    outcome: 'failed',
    status: 500,
    eventType: 'red_envelope.sent',
    errorName: 'RangeError',
    errorPlace: expect.stringContaining('failing-delivery.ts') as string,
  })
  expect(stdout).not.toContain('declined')
})
