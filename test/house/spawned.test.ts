import { expect, it } from 'vitest'
import { spawnProgram } from '../spawned.ts'

it('a program of a test that does not start fails the test at once, with its output', async () => {
  const word = spawnProgram('no-such-program.ts', {}).word(/^ready$/)
  await expect(word).rejects.toThrow(/It ended with 1\. Its output:\n[^]*Cannot find module/)
})
